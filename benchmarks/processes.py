"""Processes that a measurement needs: started in a session of their own, stopped by their id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

STOP_WITHIN_SECONDS = 25.0
START_WITHIN_SECONDS = 60.0


@contextmanager
def running(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    stop_by: signal.Signals = signal.SIGTERM,
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command for as long as the block lasts; its output goes to `log`.

    A session of its own keeps the terminal's Ctrl-C from it: it is stopped here, in order.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop_by)
            try:
                process.wait(STOP_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                for pid in (*descendants(process.pid), process.pid):
                    os.kill(pid, signal.SIGKILL)
                process.wait()


def run_measured(
    command: Sequence[str], *, env: Mapping[str, str], log: Path
) -> tuple[float, float]:
    """Run a command to its end; return its seconds and its peak of resident memory in MB."""
    start = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env},
        )
        peak = 0.0
        while process.poll() is None:  # what the kernel tells at the end counts our own memory too
            peak = max(peak, _peak_megabytes(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text()[-4000:]}")
    return time.monotonic() - start, peak


def free_port() -> int:
    """Return a port of the loopback that nothing listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once something listens; stop with the process's own words if it ends before."""
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{process.args!r} did not start:\n{log.read_text(errors='replace')[-4000:]}")


def descendants(pid: int) -> list[int]:
    """Return the ids of a process's children and their children."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def forget_peak(pid: int) -> None:
    """Have the kernel count the process's peak of resident memory anew from here."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_megabytes(pid: int) -> float:
    """Return the process's peak of resident memory."""
    if peak := _peak_megabytes(pid):
        return peak
    raise SystemExit(f"the kernel does not tell the peak memory of process {pid}")


def _peak_megabytes(pid: int) -> float:
    """Return the same, or 0 of a process that has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def pss_megabytes(pid: int) -> float:
    """Return the memory of a process and all below it; what they share is counted once."""
    kilobytes = 0
    for each in (pid, *descendants(pid)):
        fields = Path(f"/proc/{each}/smaps_rollup").read_text().split()
        kilobytes += int(fields[fields.index("Pss:") + 1])
    return kilobytes / 1024


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the CPU time that these processes and all below them have used."""
    ticks = 0
    for pid in {each for top in pids for each in (top, *descendants(top))}:
        with suppress(FileNotFoundError):  # ended just now: a database connection, for one
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
