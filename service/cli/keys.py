"""`newsflash keys`: API keys."""

import click

from service.cli.application import app_or_exit, usecases_of
from service.domain.access import Role
from service.domain.errors import ConflictError, InvalidInputError, NotFoundError

ACTOR = "command line"


@click.group("keys")
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command("create")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
def create(*, name: str, role: str) -> None:
    """Make a key and print it, alone and this once."""
    try:
        click.echo(usecases_of(app_or_exit()).keys.create(name, role, actor=ACTOR))
    except (ConflictError, InvalidInputError) as error:
        raise click.ClickException(str(error)) from None


@keys.command("list")
def list_keys() -> None:
    """Print every key, without what proves it."""
    for info in usecases_of(app_or_exit()).keys.all():
        used = f"{info.last_used_at:%Y-%m-%dT%H:%M:%SZ}" if info.last_used_at else "never used"
        click.echo(f"{info.name}  {info.role}  {'revoked' if info.revoked_at else used}")


@keys.command("revoke")
@click.argument("name")
def revoke(*, name: str) -> None:
    """Revoke a key; it stops within seconds."""
    try:
        usecases_of(app_or_exit()).keys.revoke(name, actor=ACTOR)
    except NotFoundError:
        raise click.ClickException(f"There is no key {name}.") from None
    click.echo(f"{name} is revoked")
