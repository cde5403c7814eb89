"""How commands get at the use cases: one line where a setting is wrong, never a traceback."""

import time
from collections.abc import Container
from pathlib import Path

import click
from sqlalchemy import inspect
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from service.config import MissingKey, SettingError, Settings, create_key, load_settings, refuse_key
from service.domain.errors import WrongKeyError
from service.log import configure_logging
from service.services import Services
from service.store.database import open_engine
from service.store.embedded import is_in_use, is_migrated, make_private
from service.store.operations.version import Version, version_of
from service.store.tables.operations import KeyFingerprint

ACTOR = "command line"
"""Who acted, in the audit log: somebody who may run commands on this machine."""
LOCK_TIMEOUT_MS = 3_000
"""How long a migration waits for a table; all who come after it wait that long, too."""
LOCK_TRIES = 5
PAUSE_SECONDS = 2.0
"""Between two tries: time for those who waited."""
_LOCK_NOT_AVAILABLE = "55P03"
NEWER = "The database was migrated by a newer version of Newsflash. Install that version."
NOT_MIGRATED = "The database is not migrated to this version. Run `newsflash db upgrade`."


def settings_or_exit(*, missing_key: MissingKey | None = None) -> Settings:
    """Return the settings, or end the command with the one line that names what is wrong.

    `missing_key` says what to do where the embedded database's key is not there; without it the
    command ends.
    """
    try:
        return load_settings(missing_key=missing_key or _need_kept)
    except SettingError as error:
        raise click.ClickException(str(error)) from None


def services_or_exit() -> Services:
    """Return the use cases on their database, or end the command with one line and nothing created.

    The database has to be there, migrated to this version, and used with these keys before.
    """
    services = open_services(settings_or_exit())
    check_database_or_exit(services)
    return services


def open_services(settings: Settings, *, only_looks: bool = False) -> Services:
    """Return the use cases, whatever their database is like; nothing connects to it yet.

    With `only_looks` the embedded database stays as it is, to the byte, and so do the files beside
    it.
    """
    configure_logging()
    return Services(settings, open_engine(settings.database_url, only_looks=only_looks))


def check_database_or_exit(services: Services) -> None:
    """End the command with one line where the database is not there, or not for this version."""
    need_database(services.settings.database_url)
    check_version_or_exit(services)
    if wrong_key := services.health.look().wrong_key:
        raise click.ClickException(wrong_key)


def check_version_or_exit(
    services: Services, *, may_be: Container[Version] = (Version.THIS,)
) -> None:
    """End the command with one line where the database is of a version that it cannot use."""
    version = version_of(services.engine)
    if version not in may_be:
        raise click.ClickException(NEWER if version is Version.NEWER else NOT_MIGRATED)


def need_database(url: URL) -> None:
    """End the command with one line where the embedded database is not there, or never set up."""
    if url.get_backend_name() != "sqlite":
        return
    path = Path(url.database or "")
    if not path.exists():
        raise click.ClickException(
            f"There is no database at {path}. Create one with `newsflash serve` or `newsflash db "
            "upgrade`. If it is elsewhere, change to its folder or set NEWSFLASH_DATABASE_URL."
        )
    if not is_migrated(path):
        raise click.ClickException(NOT_MIGRATED)


def adopt_keys_or_exit(services: Services) -> None:
    """Have the database remember the keys, or end the command where it was used with others."""
    try:
        services.database_keys.adopt()
    except WrongKeyError as error:
        raise click.ClickException(str(error)) from None


def _need_kept(name: str, url: URL) -> str:
    need_database(url)
    return refuse_key(name, url)


def create_unless_in_use(name: str, url: URL) -> str:
    """Create a key, unless the database depends on one that is missing (`SettingError`)."""
    return (refuse_key if is_in_use(Path(url.database or "")) else create_key)(name, url)


def migrate_database(services: Services) -> bool:
    """Bring the database to this version; give an empty one its first list.

    Returns whether the first list was made now. With other keys than it was used with, the
    database stays as it is.
    """
    settings, engine = services.settings, services.engine
    if settings.is_sqlite:
        make_private(Path(settings.database_url.database or ""))
    try:
        version = version_of(services.engine)
        if version is Version.NEWER:
            raise click.ClickException(NEWER)
        if inspect(engine).has_table(KeyFingerprint.__tablename__):
            adopt_keys_or_exit(services)
        if version is not Version.THIS:
            _upgrade(services)
        adopt_keys_or_exit(services)
        return services.lists.ensure_first()
    except OperationalError as error:
        if not _is_locked(error):
            raise
        raise click.ClickException(
            "The database is in use: an open transaction (a dump, a report) locks what a migration"
            " has to change. Finished migrations are kept. Try again when the transaction has"
            " ended (docs/operating.md says how to find it)."
        ) from None


def _upgrade(services: Services) -> None:
    """Migrate, and try again for a while where others use what has to be changed."""
    from service.store.operations.migrations import upgrade

    for tries_left in reversed(range(LOCK_TRIES)):
        try:
            upgrade(
                services.engine,
                address_hash_key=services.settings.address_hash_key,
                lock_timeout_ms=LOCK_TIMEOUT_MS,
            )
            return
        except OperationalError as error:
            if not tries_left or not _is_locked(error):
                raise
        time.sleep(PAUSE_SECONDS)


def _is_locked(error: OperationalError) -> bool:
    """Tell whether PostgreSQL gave up the wait for a lock."""
    return getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE
