"""`newsflash suppressions`: addresses that are not to be mailed."""

import click

from service.cli import options
from service.cli.application import services_or_exit
from service.cli.output import echo_json
from service.domain.subscription import SuppressionReason
from service.schemas.people import SuppressionSchema, SuppressionsSchema
from service.usecases.people.suppressions import Suppressions

ACTOR = "command line"


@click.group("suppressions")
def suppressions() -> None:
    """Look at addresses that are not to be mailed; add one, or lift one."""


@suppressions.command("list")
@click.option("--email", help="Only this address.")
@options.page
@options.as_json
def list_suppressions(*, email: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print suppressions, one a line: the address's hash, why, since when, the address."""
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
@click.option("--note", help="Why, for whoever looks later.")
@options.as_json
def add(*, email: str, note: str | None, as_json: bool) -> None:
    """Keep an address from being mailed; again changes nothing."""
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
    help="Which of the address's suppressions.",
)
def lift(*, email_or_hash: str, reason: str) -> None:
    """Let an address be mailed again, as far as this reason goes."""
    found = _found()
    with options.in_one_line("The address is not suppressed for this reason."):
        hashed = found.hash_of(email_or_hash) if "@" in email_or_hash else email_or_hash
        found.lift(hashed, SuppressionReason(reason), actor=ACTOR)
    click.echo(f"{hashed} is lifted")


def _found() -> Suppressions:
    return services_or_exit().suppressions
