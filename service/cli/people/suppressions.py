"""`newsflash suppressions`: addresses that get no email."""

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.domain.subscription import SuppressionReason
from service.schemas.people import SuppressionSchema, SuppressionsSchema
from service.usecases.people.suppressions import Suppressions


@click.group("suppressions")
def suppressions() -> None:
    """List, add and remove suppressed addresses."""


@suppressions.command("list")
@click.option("--email", help="Only this address.")
@options.page
@options.as_json
def list_suppressions(*, email: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print suppressions, one per line: hash of the address, reason, time, address, note."""
    with options.in_one_line("There is no such suppression."):
        page = _found().page(limit=limit, cursor=cursor, email=email)
    if as_json:
        echo_json(SuppressionsSchema().dump(page))
        return
    for each in page.items:
        click.echo(
            f"{each.address_hash}  {each.reason}  {each.created_at:%Y-%m-%dT%H:%M:%SZ}"
            f"  {each.email_key or '(erased)'}  {each.note or ''}".rstrip()
        )


@suppressions.command("add")
@click.argument("email")
@click.option("--note", help="Why. Other administrators see it.")
@options.as_json
def add(*, email: str, note: str | None, as_json: bool) -> None:
    """Suppress an address (idempotent)."""
    with options.in_one_line("There is no such address."):
        added = _found().add(email, note=note, actor=ACTOR)
    if as_json:
        echo_json(SuppressionSchema().dump(added))
        return
    click.echo(f"{added.address_hash} is suppressed")


@suppressions.command("lift")
@click.argument("email_or_hash")
@click.option(
    "--reason",
    default=SuppressionReason.MANUAL.value,
    show_default=True,
    type=click.Choice([each.value for each in SuppressionReason]),
    help="Which suppression of the address.",
)
def lift(*, email_or_hash: str, reason: str) -> None:
    """Remove a suppression. Others of the address, for another reason, stay."""
    found = _found()
    with options.in_one_line("The address is not suppressed for this reason."):
        hashed = found.hash_of(email_or_hash) if "@" in email_or_hash else email_or_hash
        found.lift(hashed, SuppressionReason(reason), actor=ACTOR)
    click.echo(f"{hashed} is no longer suppressed for this reason")


def _found() -> Suppressions:
    return services_or_exit().suppressions
