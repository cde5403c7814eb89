"""`serve` on a Unix socket, and how it ends."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click import ClickException

from service.cli.serving.listening import bound_unix_socket
from service.cli.serving.stopping import stop_signals

START_WITHIN_SECONDS = 60


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def asked(path: Path, target: str) -> tuple[int, bytes]:
    with closing(UnixConnection(path)) as connection:
        connection.request("GET", target)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[bytes]", Path, Path]]:
    """`serve` on a socket: its process, the socket, and the file of what it prints."""
    path, log = tmp_path / "socket", tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--unix-socket", str(path)],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if "NEWSFLASH" not in name}
            | {"PYTHONPATH": str(Path(__file__).parents[3])},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + START_WITHIN_SECONDS
        while not is_ready(path):
            assert process.poll() is None and time.monotonic() < end, log.read_text()  # noqa: PT018
            time.sleep(0.1)  # a process's start is waited for, not a rule of ours
        yield process, path, log
    finally:
        process.kill()
        process.wait()


def is_ready(path: Path) -> bool:
    try:
        return asked(path, "/readyz")[0] == 200
    except OSError:
        return False


def test_a_closing_terminal_ends_it_in_good_order(
    served: tuple["subprocess.Popen[bytes]", Path, Path],
):
    process, path, log = served
    assert asked(path, "/healthz") == (200, b'{"status":"ok"}\n')
    status, page = asked(path, "/subscribe/news-flash")
    assert (status, b"<form" in page) == (200, True)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=40) == 0, log.read_text()
    assert f"Newsflash listens on {path}" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_what_is_told_to_ignore_a_closing_terminal_goes_on():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert stop_signals() == (signal.SIGTERM, signal.SIGINT)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.SIGHUP in stop_signals()


def test_a_socket_that_a_dead_process_left_is_replaced(tmp_path: Path):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with bound_unix_socket(path) as bound:
        assert bound.getsockname() == str(path)


def test_a_socket_in_use_a_file_and_a_long_path_are_refused_in_a_line(tmp_path: Path):
    used, file = tmp_path / "socket", tmp_path / "file"
    file.write_text("kept")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(used))
        listening.listen()
        for path in (used, file, tmp_path / ("long" * 40)):
            with pytest.raises(ClickException, match="Cannot listen on"):
                bound_unix_socket(path)
    assert file.read_text() == "kept"
