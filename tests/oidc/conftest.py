"""The service with an identity provider that signs what a test wants it to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy.engine import URL

from service.config import OidcSettings, Settings
from tests.conftest import make_settings
from tests.oidc.issuer import ADA, CLIENT_ID, CLIENT_SECRET, Issuer


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """Who comes in does not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture(scope="module")
def server() -> Iterator[HTTPServer]:
    with HTTPServer(host="localhost", threaded=True) as running:
        yield running


@pytest.fixture
def issuer(server: HTTPServer) -> Iterator[Issuer]:
    made = Issuer(server)
    made.serve()
    yield made
    server.check_assertions()


@pytest.fixture
def oidc(issuer: Issuer) -> OidcSettings:
    """The settings of the provider; a test may ask for others."""
    return OidcSettings(
        issuer=issuer.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, admins=(ADA,)
    )


@pytest.fixture
def settings(database_url: URL, tmp_path: Path, oidc: OidcSettings) -> Settings:
    return make_settings(database_url, tmp_path, oidc=oidc)
