"""The command as it is typed, on a fresh database of each kind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy.engine import URL

from service.app import SIGNAL, create_app
from service.cli import application, main
from service.config import Settings
from service.store.models import db

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSFLASH_DATABASE_URL", database_url.render_as_string(hide_password=False))
    for name in ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY"):
        monkeypatch.setenv(f"NEWSFLASH_{name}", "a-key-for-tests-only-0123456789-0123456789")
    monkeypatch.setenv("NEWSFLASH_PUBLIC_URL", "http://127.0.0.1:8000")
    monkeypatch.setenv("NEWSFLASH_MAIL_URL", "mailbox:")
    monkeypatch.setenv("NEWSFLASH_MAIL_FROM", "News Flash <news@example.org>")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    made: list[Flask] = []

    def kept(settings: Settings) -> Flask:
        made.append(create_app(settings))
        return made[-1]

    monkeypatch.setattr(application, "create_app", kept)
    yield invoke
    for app in made:
        # A command's process ends with it; here the connections have to be let go.
        app.extensions[SIGNAL].close()
        with app.app_context():
            db.engine.dispose()
