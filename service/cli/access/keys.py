"""`newsflash keys`: API keys."""

from datetime import datetime

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.clock import utc_now
from service.domain.access.roles import Role
from service.schemas.access import KeysSchema, keys_data


@click.group("keys")
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command("create")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@click.option("--list", "lists", multiple=True, metavar="SLUG", help="Only for this list.")
@click.option("--expires", "expires_at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]))
def create(*, name: str, role: str, lists: tuple[str, ...], expires_at: datetime | None) -> None:
    """Create a key and print it. It is shown only once."""
    with options.in_one_line("There is no such key."):
        made = services_or_exit().keys.create(
            name, role, actor=ACTOR, lists=lists, expires_at=expires_at
        )
    click.echo(made)


@keys.command("list")
@options.as_json
def list_keys(*, as_json: bool) -> None:
    """Print all keys, without their secrets."""
    found = services_or_exit().keys
    if as_json:
        echo_json(KeysSchema().dump(keys_data(found)))
        return
    for info in found.all():
        used = f"{info.last_used_at:%Y-%m-%dT%H:%M:%SZ}" if info.last_used_at else "never used"
        state = "revoked" if info.revoked_at else "expired" if info.has_ended(utc_now()) else used
        lists = found.slugs_of(info)
        click.echo(f"{info.name}  {info.role}  {state}" + (f"  {','.join(lists)}" if lists else ""))


@keys.command("revoke")
@click.argument("name")
def revoke(*, name: str) -> None:
    """Revoke a key. It stops working within seconds."""
    with options.in_one_line(f"There is no key {name}."):
        services_or_exit().keys.revoke(name, actor=ACTOR)
    click.echo(f"{name} is revoked")
