"""The service as the world meets it: a real process, real HTTP, and a mail API that keeps mails."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from sqlalchemy.engine import URL
from werkzeug import Request, Response

WAIT_SECONDS = 30
_CONFIRM = re.compile(r"https?://\S+/confirm/[\w.-]+")
_LEAVE = re.compile(r"<(https?://[^>\s]+/unsubscribe/[\w.-]+)>")


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One mail as the mail API was given it."""

    recipient: str
    body: dict[str, Any]

    @property
    def confirm_link(self) -> str:
        (found,) = set(_CONFIRM.findall(self.body["Text"]))
        assert found in self.body["HTML"]
        return found

    @property
    def leave_link(self) -> str:
        assert self.body["Headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        (found,) = _LEAVE.findall(self.body["Headers"]["List-Unsubscribe"])
        assert found in self.body["Text"]
        return str(found)


@dataclass(slots=True)
class MailApi:
    """Mailpit's `POST /api/v1/send`, as far as anyone who sends sees of it."""

    server: HTTPServer
    mails: list[CaughtMail] = field(default_factory=list)
    hold: Callable[[], None] = field(default=lambda: None)
    """Called while a request waits for its answer."""

    def take(self, request: Request) -> Response:
        body = json.loads(request.get_data())
        (to,) = body["To"]
        self.hold()
        self.mails.append(CaughtMail(to["Email"], body))
        return Response(json.dumps({"ID": f"id-{len(self.mails)}"}), mimetype="application/json")

    @property
    def url(self) -> str:
        return f"mailpit://{self.server.host}:{self.server.port}?scheme=http"

    def to(self, email: str) -> list[CaughtMail]:
        return [mail for mail in list(self.mails) if mail.recipient == email]

    def wait_for(self, email: str, count: int = 1) -> CaughtMail:
        """Return the newest mail to the address once there are `count`."""
        eventually(lambda: len(self.to(email)) >= count, f"mail {count} to {email}")
        assert len(self.to(email)) == count
        return self.to(email)[-1]


@contextmanager
def running_mail_api() -> Iterator[MailApi]:
    """Serve a mail API on loopback."""
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        api = MailApi(server)
        server.expect_request("/api/v1/send", method="POST").respond_with_handler(api.take)
        yield api


def eventually(is_so: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until it is so; fail after `seconds`."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not is_so():
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {seconds:.0f} s")
        pause.wait(0.02)


class Site:
    """`newsflash serve` in a process group of its own."""

    def __init__(self, folder: Path, database: URL, mail: MailApi) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.mail = mail
        self._log = folder / "serve.log"
        self._errors = folder / "serve.err"
        self._folder = folder
        key = "a-key-for-tests-only-of-forty-bytes-----"
        self._environment = {
            **{name: value for name, value in os.environ.items() if "NEWSFLASH" not in name},
            "NEWSFLASH_DATABASE_URL": database.render_as_string(hide_password=False),
            "NEWSFLASH_SECRET_KEY": key,
            "NEWSFLASH_ADDRESS_HASH_KEY": key,
            "NEWSFLASH_RECEIPT_KEY": key,
            "NEWSFLASH_PUBLIC_URL": self.url,
            "NEWSFLASH_MAIL_URL": mail.url,
            "NEWSFLASH_MAIL_FROM": "News Flash <news@example.org>",
            "NEWSFLASH_RATELIMIT_ENABLED": "false",
            "NEWSFLASH_ACCESS_LOG": "true",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._key: str | None = None
        self.session = requests.Session()
        self.session.trust_env = False

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log, self._errors.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service", "serve", "--port", str(self.port)],
                cwd=self._folder,
                env=self._environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=log,
                stderr=errors,
                start_new_session=True,
            )
        eventually(self._is_ready, "ready")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return self.session.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    @property
    def process_id(self) -> int:
        """The process of `newsflash serve` itself."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text() + self.errors

    @property
    def errors(self) -> str:
        """What its processes wrote to standard error."""
        return self._errors.read_text()

    @property
    def admin(self) -> dict[str, str]:
        """The header of an administrator's key, created at first need."""
        if self._key is None:
            self._key = self.run("keys", "create", "tests", "--role", "admin").strip()
        return {"Authorization": f"Bearer {self._key}"}

    def run(self, *arguments: str) -> str:
        """Run a command beside the service and return what it printed."""
        return subprocess.run(
            [sys.executable, "-m", "service", *arguments],
            cwd=self._folder,
            env=self._environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=WAIT_SECONDS,
        ).stdout

    def kill(self) -> None:
        """Kill all of its processes at once, as a machine that loses power does."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(WAIT_SECONDS)

    def terminate(self) -> None:
        """Ask it to end."""
        assert self._process is not None
        self._process.terminate()

    def wait(self) -> int:
        """Wait until it has ended and return its exit status."""
        assert self._process is not None
        return self._process.wait(WAIT_SECONDS)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        self.session.close()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(WAIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def sign_up(self, email: str, **fields: object) -> requests.Response:
        return self.session.post(
            f"{self.url}/v1/subscriptions", json={"email": email, **fields}, timeout=20
        )

    def post_form(self, email: str, **fields: str) -> requests.Response:
        return self.session.post(
            f"{self.url}/subscribe/news-flash",
            data={"email": email, **fields},
            allow_redirects=False,
            timeout=20,
        )

    def post(self, link: str, **more: Any) -> requests.Response:
        return self.session.post(link, allow_redirects=False, timeout=20, **more)

    def export(self) -> dict[str, dict[str, Any]]:
        """Return the exported subscriptions by address."""
        answer = self.session.get(
            f"{self.url}/v1/subscribers/export",
            params={"format": "ndjson"},
            headers=self.admin,
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        rows = [json.loads(line) for line in answer.text.splitlines()]
        return {row["email"]: row for row in rows}
