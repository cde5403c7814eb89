"""Processors that a process may use: its affinity, and the quotas of the groups it is in."""

import os
from pathlib import Path

import pytest

from service.cli.serving.cpus import usable_cpus


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    return root


@pytest.fixture(autouse=True)
def _eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(8)), raising=False)


def test_without_a_quota_it_is_the_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert usable_cpus(tmp_path) == 8
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3})
    assert usable_cpus(tmp_path) == 1


def test_without_affinity_it_is_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert usable_cpus(tmp_path) == 5


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        ("max 100000", 8),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("5000000 100000", 8),
        ("", 8),
        ("nonsense", 8),
        ("0 100000", 8),
        ("100000 0", 8),
    ],
)
def test_a_quota_of_version_2(tmp_path: Path, quota: str, expected: int):
    write(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": quota})
    assert usable_cpus(tmp_path) == expected


def test_the_narrowest_group_around_us_counts(tmp_path: Path):
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/system.slice/newsflash.service",
            "sys/fs/cgroup/system.slice/cpu.max": "300000 100000",
            "sys/fs/cgroup/system.slice/newsflash.service/cpu.max": "max 100000",
        },
    )
    assert usable_cpus(tmp_path) == 3


@pytest.mark.parametrize("path", ["/", "/docker/0123", "/../outside"])
@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("250000", 3)])
def test_a_quota_of_version_1(tmp_path: Path, path: str, quota: str, expected: int):
    write(
        tmp_path,
        {
            "proc/self/cgroup": f"9:name=systemd:{path}\n4:cpu,cpuacct:{path}\n2:memory:/",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": quota,
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert usable_cpus(tmp_path) == expected


def test_here_there_is_at_least_one():
    assert usable_cpus() >= 1
