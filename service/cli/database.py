"""`newsflash db`: migrations."""

import click
from alembic.util import CommandError
from flask_migrate import check, current

from service.cli.application import app_or_exit, migrate_database


@click.group("db")
def database() -> None:
    """Migrate the database."""


@database.command("upgrade")
def upgrade_database() -> None:
    """Bring the database to this version; an empty one gets its first list."""
    migrate_database(app_or_exit())


@database.command("current")
def current_revision() -> None:
    """Print the database's migration."""
    with app_or_exit().app_context():
        current()


@database.command("check")
def check_models() -> None:
    """Fail if the database is not what this version expects."""
    try:
        with app_or_exit().app_context():
            check()
    except CommandError as error:
        raise click.ClickException(str(error)) from None
