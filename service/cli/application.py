"""How commands get at the app: one line where a setting is wrong, never a traceback."""

import time
from pathlib import Path

import click
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.exc import OperationalError

from service.app import build_gates, create_app
from service.config import SettingError, Settings, create_key, load_settings
from service.store.embedded import make_private
from service.web.context import UseCases

LOCK_TIMEOUT_MS = 3_000
"""How long a migration waits for a table; all who come after it wait that long, too."""
LOCK_TRIES = 5
PAUSE_SECONDS = 2.0
"""Between two tries: time for those who waited."""
_LOCK_NOT_AVAILABLE = "55P03"


def settings_or_exit() -> Settings:
    """Return the settings, or end the command with the one line that names what is wrong."""
    try:
        return load_settings(missing_key=create_key)
    except SettingError as error:
        raise click.ClickException(str(error)) from None


def app_or_exit() -> Flask:
    """Return the app, or end the command with one line."""
    try:
        return create_app(settings_or_exit())
    except (SettingError, ValueError) as error:
        raise click.ClickException(str(error)) from None


def check_mail_or_exit(settings: Settings) -> None:
    """End the command with one line if delivery, which runs elsewhere, could not start."""
    try:
        for gate in build_gates(settings):
            gate.provider.close()
    except SettingError as error:
        raise click.ClickException(str(error)) from None


def usecases_of(app: Flask) -> UseCases:
    """Return the app's use cases, for commands that do what a view would."""
    found: UseCases = app.extensions["newsflash"]
    return found


def migrate_database(app: Flask) -> bool:
    """Bring the database to this version; give an empty one its first list.

    Returns whether the first list was made now.
    """
    settings = usecases_of(app).settings
    if settings.is_sqlite:
        make_private(Path(settings.database_url.database or ""))
    try:
        with app.app_context():
            _upgrade()
        return usecases_of(app).lists.ensure_first()
    except OperationalError as error:
        if not _is_locked(error):
            raise
        raise click.ClickException(
            "The database is in use: a transaction that stays open (a dump, a report) locks"
            " what a migration has to change. What was migrated stays; try again when it is"
            " over (docs/operating.md says how to find it)."
        ) from None


def _upgrade() -> None:
    """Migrate, and try again for a while where others use what has to be changed."""
    for tries_left in reversed(range(LOCK_TRIES)):
        try:
            upgrade(x_arg=[f"lock_timeout={LOCK_TIMEOUT_MS}ms"])
            return
        except OperationalError as error:
            if not tries_left or not _is_locked(error):
                raise
        time.sleep(PAUSE_SECONDS)


def _is_locked(error: OperationalError) -> bool:
    """Tell whether PostgreSQL gave up the wait for a lock."""
    return getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE
