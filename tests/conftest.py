"""What tests stand on: a fresh migrated database each, on SQLite and on PostgreSQL."""

import os
import shutil
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url

from service import log
from service.app import create_app, services_of
from service.clock import machine_now
from service.config import Settings
from service.services import Services
from service.store import database_clock
from service.store.database import open_engine
from tests.migrating import ADDRESS_HASH_KEY, upgrade
from tests.postgres import GIVEN_SERVER, NoServerError, ReusedDatabase, running_server
from tests.scenario import scenario as scenario

DATABASES = ("sqlite", "postgresql")

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_xdist_auto_num_workers() -> int:
    """Run one more than there are processors: some test always waits for a server."""
    return len(os.sched_getaffinity(0)) + 1


def make_settings(url: URL, folder: Path, **changes: object) -> Settings:
    """Return settings for a test on this database."""
    given: dict[str, object] = {
        "database_url": url,
        "secret_keys": ("a-secret-key-for-tests-only-0123456789",),
        "address_hash_key": ADDRESS_HASH_KEY,
        "receipt_key": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "data_dir": folder,
        "ratelimit_enabled": False,
        **changes,
    }
    return Settings(**given)  # type: ignore[arg-type]


def _migrate(url: URL, folder: Path) -> None:
    """Build the tables and the first list, as `newsflash db upgrade` does."""
    services = Services(make_settings(url, folder), open_engine(url))
    upgrade(services.engine)
    services.lists.ensure_first()
    services.close()


@pytest.fixture(autouse=True)
def _same_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what a process of our own does with its errors and warnings."""
    for module, name in (
        (log, "_process"),
        (warnings, "showwarning"),
        (sys, "excepthook"),
        (sys, "unraisablehook"),
        (threading, "excepthook"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))


@pytest.fixture(autouse=True)
def _same_umask() -> Iterator[None]:
    """Take back the umask that a command of the test has set."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session", autouse=True)
def _database_clock_that_tests_set() -> Iterator[None]:
    """Have the database's clock stand where a test sets its own (`tests/clocks.py` has others)."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database_clock, "ask", lambda _connection: machine_now())
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, for copying."""
    folder = tmp_path_factory.mktemp("template")
    path = folder / "template.db"
    _migrate(make_url(f"sqlite:///{path}"), folder)
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A PostgreSQL server: the one that the environment names, else one of our own."""
    with ExitStack() as stack:
        if given := os.environ.get(GIVEN_SERVER):
            url = make_url(given).set(drivername="postgresql+psycopg")
        else:
            try:
                url = stack.enter_context(running_server())
            except NoServerError as error:
                pytest.skip(f"PostgreSQL tests need a server: {error}, and {GIVEN_SERVER} is unset")
        yield url


@pytest.fixture(scope="session")
def postgres_database(
    postgres_server: URL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReusedDatabase]:
    """A migrated PostgreSQL database that the tests of this process use in turn."""
    folder = tmp_path_factory.mktemp("template")
    database = ReusedDatabase(postgres_server, lambda url: _migrate(url, folder))
    yield database
    database.drop()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> URL:
    """A fresh SQLite database."""
    path = tmp_path / "newsflash.db"
    shutil.copyfile(sqlite_template, path)
    path.chmod(0o600)
    return make_url(f"sqlite:///{path}")


@pytest.fixture
def postgres_url(postgres_database: ReusedDatabase) -> URL:
    """A PostgreSQL database as new."""
    postgres_database.empty()
    return postgres_database.url


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> URL:
    """A fresh migrated database with the first list, on each kind of database in turn."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: URL = request.getfixturevalue(name)
    return url


@pytest.fixture
def engine(database_url: URL) -> Iterator[Engine]:
    """An engine on the fresh database, set up as the service does."""
    made = open_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def settings(database_url: URL, tmp_path: Path) -> Settings:
    """Settings for the fresh database."""
    return make_settings(database_url, tmp_path)


@contextmanager
def running_app(settings: Settings) -> Iterator[Flask]:
    """Build the app, and let its connections go afterwards."""
    made = create_app(settings)
    try:
        yield made
    finally:
        services_of(made).close()


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The service's app on the fresh database."""
    with running_app(settings) as made:
        yield made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of the app."""
    return app.test_client()


@pytest.fixture
def services(app: Flask) -> Services:
    """The app's own use cases."""
    return services_of(app)
