"""`newsflash keys`: API keys."""

from dataclasses import asdict
from datetime import datetime

import click

from service.cli.application import app_or_exit, usecases_of
from service.cli.output import echo_json
from service.clock import utc_now
from service.domain.access import Role
from service.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnknownListError
from service.web.admin.schemas import KeysSchema

ACTOR = "command line"


@click.group("keys")
def keys() -> None:
    """Make, list and revoke API keys."""


@keys.command("create")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--list", "lists", multiple=True, metavar="SLUG", help="Only for this list.")
@click.option("--expires", "expires_at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]))
def create(*, name: str, role: str, lists: tuple[str, ...], expires_at: datetime | None) -> None:
    """Make a key and print it, alone and this once."""
    try:
        made = usecases_of(app_or_exit()).keys.create(
            name, role, actor=ACTOR, lists=lists, expires_at=expires_at
        )
        click.echo(made)
    except UnknownListError as error:
        raise click.ClickException(f"There is no list {error.args[0]}.") from None
    except (ConflictError, InvalidInputError) as error:
        raise click.ClickException(str(error)) from None


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API answers.")
def list_keys(*, as_json: bool) -> None:
    """Print every key, without what proves it."""
    found = usecases_of(app_or_exit()).keys
    shown = [{**asdict(info), "lists": found.slugs_of(info)} for info in found.all()]
    if as_json:
        echo_json(KeysSchema().dump({"keys": shown}))
        return
    for info in found.all():
        used = f"{info.last_used_at:%Y-%m-%dT%H:%M:%SZ}" if info.last_used_at else "never used"
        state = "revoked" if info.revoked_at else "expired" if info.has_ended(utc_now()) else used
        lists = found.slugs_of(info)
        click.echo(f"{info.name}  {info.role}  {state}" + (f"  {','.join(lists)}" if lists else ""))


@keys.command("revoke")
@click.argument("name")
def revoke(*, name: str) -> None:
    """Revoke a key; it stops within seconds."""
    try:
        usecases_of(app_or_exit()).keys.revoke(name, actor=ACTOR)
    except NotFoundError:
        raise click.ClickException(f"There is no key {name}.") from None
    click.echo(f"{name} is revoked")
