"""`newsflash db`: migrations."""

import click
from sqlalchemy.engine import URL

from service.cli.application import (
    ACTOR,
    check_version_or_exit,
    create_unless_in_use,
    migrate_database,
    need_database,
    open_services,
    settings_or_exit,
)
from service.config import create_key
from service.domain.errors import WrongKeyError
from service.services import Services
from service.store.operations.migrations import difference, print_revision
from service.store.operations.version import Version


@click.group("db")
def database() -> None:
    """Migrate and check the database."""


@database.command("upgrade")
def upgrade_database() -> None:
    """Migrate the database to this version. An empty one gets its first list."""
    migrate_database(open_services(settings_or_exit(missing_key=create_unless_in_use)))


@database.command("current")
def current_revision() -> None:
    """Print the database's current migration."""
    print_revision(_services().engine)


@database.command("check")
def check_models() -> None:
    """Check that the database matches this version. Exits with 1 if not."""
    if (found := difference(_services().engine)) is not None:
        raise click.ClickException(found)


@database.command("accept-keys")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_keys(*, yes: bool) -> None:
    """Accept the current keys for this database, when its former keys are lost.

    Unsubscribe links in emails already sent stop working, and receipts already issued can no longer
    be verified. To rotate a key that you still have, see docs/backup.md.
    """
    settings = settings_or_exit(missing_key=_create_for_database)
    need_database(settings.database_url)
    services = open_services(settings)
    check_version_or_exit(services)
    if not yes:
        click.confirm("Links in emails already sent will stop working. Continue?", abort=True)
    try:
        changed = services.database_keys.accept(actor=ACTOR)
    except WrongKeyError as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"Accepted {', '.join(changed)}"
        if changed
        else "Nothing to do: the keys already match the database."
    )


def _create_for_database(name: str, url: URL) -> str:
    need_database(url)
    return create_key(name, url)


def _services() -> Services:
    """Return the use cases on a database that is there, of this version or an older one."""
    settings = settings_or_exit()
    need_database(settings.database_url)
    services = open_services(settings)
    check_version_or_exit(services, may_be=(Version.OLDER, Version.THIS))
    return services
