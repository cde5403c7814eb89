"""The command as it is typed, on a fresh database of each kind."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.engine import URL

from service.cli import application, main
from service.cli.operations import database, doctor
from service.cli.serving import serve
from service.config import Settings
from service.services import Services

Run = Callable[..., Result]


def snapshot(folder: Path) -> dict[str, object]:
    """Return everything in a folder: names, modes, times and bytes."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in [folder, *folder.rglob("*")]
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a file to import, and no setting from outside."""
    for name in list(os.environ):
        if name.startswith("NEWSFLASH_") and not name.startswith("NEWSFLASH_TEST"):
            monkeypatch.delenv(name)
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "rows.csv").write_text("email\nann@example.org\n")
    monkeypatch.chdir(place)
    return place


@pytest.fixture
def newsflash(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command. Its connections are closed at its end, as its process would."""
    made: list[Services] = []
    open_services = application.open_services

    def kept(settings: Settings, **more: bool) -> Services:
        made.append(open_services(settings, **more))
        return made[-1]

    def invoke(*words: str) -> Result:
        result = CliRunner().invoke(main, words)
        while made:
            made.pop().close()
        return result

    for module in (application, database, doctor, serve):
        monkeypatch.setattr(module, "open_services", kept)
    monkeypatch.setattr(serve, "bound_socket", lambda *_: None)  # 8000 may be somebody else's
    return invoke


@pytest.fixture
def run(newsflash: Run, database_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the fresh database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSFLASH_DATABASE_URL", database_url.render_as_string(hide_password=False))
    for name in ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY"):
        monkeypatch.setenv(f"NEWSFLASH_{name}", "a-key-for-tests-only-0123456789-0123456789")
    monkeypatch.setenv("NEWSFLASH_PUBLIC_URL", "http://127.0.0.1:8000")
    monkeypatch.setenv("NEWSFLASH_MAIL_URL", "mailbox:")
    monkeypatch.setenv("NEWSFLASH_MAIL_FROM", "News Flash <news@example.org>")
    monkeypatch.setenv("NEWSFLASH_BIND_HOST", "127.0.0.1")  # taken away again after `serve`
    return newsflash
