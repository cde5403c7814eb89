"""How commands get at the app: one line where a setting is wrong, never a traceback."""

import click
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.exc import OperationalError

from service.app import build_gates, create_app
from service.config import SettingError, Settings, load_settings
from service.web.context import UseCases


def settings_or_exit() -> Settings:
    """Return the settings, or end the command with the one line that names what is wrong."""
    try:
        return load_settings()
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
    try:
        with app.app_context():
            upgrade()
        return usecases_of(app).lists.ensure_first()
    except OperationalError as error:
        raise click.ClickException(f"The database does not answer ({error.orig}).") from None
