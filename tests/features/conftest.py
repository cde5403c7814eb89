"""A site on each database, with a mail API of its own."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from tests.features.site import MailApi, Site, running_mail_api
from tests.postgres import libpq


@contextmanager
def empty_database(server: URL) -> Iterator[URL]:
    """Make a PostgreSQL database without any table."""
    name = f"newsflash_site_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(libpq(server), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield server.set(database=name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def running_site(folder: Path, database: URL) -> Iterator[Site]:
    """Run a site with a mail API of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with running_mail_api() as mail:
        site = Site(folder, database, mail)
        try:
            site.start()
            yield site
        finally:
            site.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A running site on an empty database, on each kind in turn."""
    if request.param == "sqlite":
        with running_site(tmp_path, make_url(f"sqlite:///{tmp_path}/newsflash.db")) as made:
            yield made
        return
    server: URL = request.getfixturevalue("postgres_server")
    with empty_database(server) as url, running_site(tmp_path, url) as made:
        yield made


@pytest.fixture
def mail(site: Site) -> MailApi:
    """The site's mail API."""
    return site.mail
