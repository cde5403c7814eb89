"""How many processors this process may use: not those of the machine, but its share of them."""

import math
import os
from collections.abc import Iterator
from pathlib import Path


def usable_cpus(root: Path = Path("/")) -> int:
    """Return the processors that we may keep busy, at least 1: affinity, and quotas of cgroups.

    A quota of one and a half is 2. `root` is where /proc and /sys are.
    """
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        allowed = os.cpu_count() or 1
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Yield the processors that each cgroup around us grants (Linux, cgroup-v2.rst and cgroup-v1).

    A container may see its own group as the top: what is not found below is looked for there.
    """
    for version, group in _groups(root):
        for folder in (group, *group.parents):
            if version == 2:
                place = root / "sys/fs/cgroup" / folder / "cpu.max"
                quota, _, period = _read(place).partition(" ")
            else:
                place = root / "sys/fs/cgroup/cpu" / folder
                quota, period = (
                    _read(place / "cpu.cfs_quota_us"),
                    _read(place / "cpu.cfs_period_us"),
                )
            if quota.isdigit() and period.isdigit() and int(quota) and int(period):
                yield int(quota) / int(period)


def _groups(root: Path) -> Iterator[tuple[int, Path]]:
    """Yield version and path of the groups that bound our processors (cgroups(7))."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if ".." in path:  # outside of what this container sees
            path = "/"
        if not controllers:
            yield 2, Path(path.lstrip("/"))
        elif "cpu" in controllers.split(","):
            yield 1, Path(path.lstrip("/"))


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""
