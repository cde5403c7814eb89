"""Use cases are built once, as they are asked for, and share what must be one."""

import subprocess
import sys
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

from service.config import OidcSettings, SettingError, Settings
from service.services import Services
from service.store.database import open_engine
from service.usecases.lists.lists import Lists
from tests.conftest import make_settings

PROPERTIES = sorted(
    name
    for group in Services.__mro__
    for name, value in vars(group).items()
    if isinstance(value, cached_property)
)
OIDC = OidcSettings(issuer="https://issuer.example.org", client_id="id", client_secret="s3cret")
FOREIGN = (
    "altcha",
    "authlib",
    "botocore",
    "cryptography",
    "disposable_email_domains",
    "flask",
    "requests",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings for a database that nobody has made."""
    url = URL.create("sqlite", database=str(tmp_path / "none.db"))
    return make_settings(url, tmp_path, oidc=OIDC, public_url="https://news.example.org")


@pytest.fixture
def engine(settings: Settings) -> Engine:
    made = open_engine(settings.database_url)

    @event.listens_for(made, "do_connect")
    def _refuse(*_: object) -> None:
        pytest.fail("connected to the database")

    return made


def test_nothing_is_built_before_it_is_asked_for(settings: Settings, engine: Engine):
    assert vars(Services(settings, engine)).keys() == {"settings", "engine"}


@pytest.mark.parametrize("name", PROPERTIES)
def test_each_is_built_once_and_connects_to_nothing(name: str, settings: Settings, engine: Engine):
    services = Services(settings, engine)
    made = getattr(services, name)
    assert made is not None
    assert getattr(services, name) is made


def test_all_share_one_cache_of_lists(settings: Settings, engine: Engine):
    services = Services(settings, engine)
    shared = [
        part
        for name in PROPERTIES
        for part in getattr(getattr(services, name), "__dict__", {}).values()
        if isinstance(part, Lists)
    ]
    assert len(shared) > 10
    assert all(lists is services.lists for lists in shared)


def test_the_web_builds_all_that_views_call_and_no_delivery(settings: Settings, engine: Engine):
    services = Services(settings, engine)
    services.build_for_web()
    missing = set(PROPERTIES) - vars(services).keys()
    assert missing == {
        "backup",
        "chores",
        "deliver",
        "deliver_webhooks",
        "doctor",
        "heartbeat",
        "provider_pool",
        "seal_ledger",
    }


def test_a_wrong_redis_url_ends_the_start_of_the_web(settings: Settings, engine: Engine):
    services = Services(replace(settings, redis_url="nowhere"), engine)
    with pytest.raises(SettingError, match="NEWSFLASH_REDIS_URL"):
        services.build_for_web()


def test_a_wrong_mail_url_is_named(settings: Settings, engine: Engine):
    services = Services(replace(settings, mail_urls=("posmark:x",)), engine)
    with pytest.raises(SettingError, match="NEWSFLASH_MAIL_URL"):
        services.deliver  # noqa: B018 - asked for, it is built


def test_a_use_case_is_imported_when_it_is_built():
    """Otherwise every command would load what only one of them needs."""
    code = (
        "import sys, service.services;"
        "print(*(n for n in sys.modules if n.partition('.')[0] in sys.argv[1:]"
        " or n.startswith(('service.usecases', 'service.store'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *FOREIGN], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []
