"""`newsflash subscribers`: find, show, change, unsubscribe and erase people, export their data."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.domain.errors import InvalidInputError, NotFoundError
from service.domain.strict_json import read_json
from service.domain.subscription import Status
from service.schemas.people import (
    SubscriberChangesSchema,
    SubscriberDetailSchema,
    SubscribersSchema,
    detail_data,
    person_text,
    subscribers_data,
)
from service.services import Services
from service.usecases.people.subscribers import CHANGEABLE, SubscriberDetail

NOBODY = "There is no subscriber with this address or id."
WHO = click.argument("who", metavar="EMAIL|ID")


@click.command("list")
@click.option("--list", "list_", metavar="SLUG", help="Only subscribers of this list.")
@click.option(
    "--status", type=click.Choice([status.value for status in Status]), help="Only this status."
)
@click.option("--search", help="Part of an address, a name or an attribute.")
@options.page
@options.as_json
def list_people(
    *,
    list_: str | None,
    status: str | None,
    search: str | None,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """Print subscribers, oldest first, one per line."""
    found = services_or_exit()
    with options.in_one_line(NOBODY):
        page = found.subscribers.page(
            limit=limit,
            cursor=cursor,
            list=list_,
            status=Status(status) if status else None,
            text=search,
        )
    data = subscribers_data(page, found.lists.slugs())
    if as_json:
        echo_json(SubscribersSchema().dump(data))
        return
    for each in data["subscribers"]:
        held = " ".join(f"{one['list']}={one['status']}" for one in each["subscriptions"])
        click.echo(f"{each['id']}  {each['email']}  {held}  {each['name'] or ''}".rstrip())


@click.command("show")
@WHO
@options.as_json
def show(*, who: str, as_json: bool) -> None:
    """Print one subscriber with subscriptions, consent and emails."""
    found = services_or_exit()
    with options.in_one_line(NOBODY):
        view = found.subscribers.get(_id_of(found, who))
    _tell(view, found.lists.slugs(), as_json=as_json)


@click.command("change")
@WHO
@click.option("--name", help="The person's name.")
@click.option("--locale", help="Their language, such as de.")
@click.option(
    "--attributes",
    metavar="JSON",
    help='All attributes, as one JSON object, such as {"plan": "gold"}.',
)
@click.option(
    "--empty",
    "emptied",
    multiple=True,
    type=click.Choice(sorted(CHANGEABLE)),
    help="Clear this field.",
)
@options.as_json
def change(*, who: str, emptied: tuple[str, ...], as_json: bool, **given: str | None) -> None:
    """Change name, locale or attributes."""
    changes: dict[str, Any] = {name: text for name, text in given.items() if text is not None}
    if not changes and not emptied:
        raise click.UsageError("Give at least one option to change.")
    with options.in_one_line(NOBODY):
        if "attributes" in changes:
            changes["attributes"] = _attributes(changes["attributes"])
        changes = SubscriberChangesSchema().load(changes | dict.fromkeys(emptied))
        found = services_or_exit()
        view = found.subscribers.update(_id_of(found, who), changes, actor=ACTOR)
    _tell(view, found.lists.slugs(), as_json=as_json)


@click.command("unsubscribe")
@WHO
@click.option("--list", "slug", metavar="SLUG", required=True, help="Unsubscribe from this list.")
def unsubscribe(*, who: str, slug: str) -> None:
    """Unsubscribe a person from one list (idempotent)."""
    found = services_or_exit()
    with options.in_one_line(f"This person has no subscription to {slug}."):
        found.end_subscription(_id_of(found, who), slug, actor=ACTOR)
    click.echo("Unsubscribed")


@click.command("data")
@WHO
def data(*, who: str) -> None:
    """Print all data of one person as JSON. Recorded in the audit log."""
    found = services_or_exit()
    with options.in_one_line(NOBODY):
        given = found.subscribers.data(_id_of(found, who), actor=ACTOR)
    for text in person_text(given, found.lists.slugs()):
        click.echo(text, nl=False)


@click.command("receipt")
@WHO
@click.option("--cursor", help="next_cursor of the previous receipt.")
def receipt(*, who: str, cursor: str | None) -> None:
    """Print a person's signed consent receipt (docs/ledger.md). Recorded in the audit log."""
    found = services_or_exit()
    with options.in_one_line(NOBODY):
        document = found.receipts.by_subscriber(_id_of(found, who), actor=ACTOR, cursor=cursor)
    echo_json(document)


@click.command("erase")
@WHO
def erase(*, who: str) -> None:
    """Erase a person. A keyed hash of the address is kept, so that no import brings it back."""
    found = services_or_exit()
    with options.in_one_line(NOBODY):
        found.subscribers.erase(_id_of(found, who), actor=ACTOR)
    click.echo("Erased")


PEOPLE = (list_people, show, change, unsubscribe, data, receipt, erase)
"""The commands about people. They are in one group with those about files."""


def _attributes(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        raise InvalidInputError("attributes", "Use a JSON object, such as {}.") from None


def _id_of(found: Services, who: str) -> UUID:
    """Return whose address or id this is. Raises `AddressError`, `NotFoundError`."""
    if "@" in who:
        return found.subscribers.id_of(who)
    try:
        return UUID(who)
    except ValueError:
        raise NotFoundError(who) from None


def _tell(view: SubscriberDetail, slugs: Mapping[UUID, str], *, as_json: bool) -> None:
    data = SubscriberDetailSchema().dump(detail_data(view, slugs))
    if as_json:
        echo_json(data)
        return
    for name in ("id", "email", "name", "locale", "created_at", "updated_at"):
        click.echo(f"{name}: {'' if data[name] is None else data[name]}")
    if data["attributes"]:
        click.echo(f"attributes: {json.dumps(data['attributes'], ensure_ascii=False)}")
    for reason in data["suppressed_for"]:
        click.echo(f"suppressed: {reason}")
    for held in data["subscriptions"]:
        click.echo(f"list: {held['list']}  {held['status']}  since {_since(held)}")
    for event in data["consent_events"]:
        more = [event[name] for name in ("list", "source", "ip", "detail") if event[name]]
        click.echo(f"{event['at']}  {event['kind']}  {'  '.join(more)}".rstrip())
    for mail in data["mails"]:
        error = f"  {mail['last_error']}" if mail["last_error"] else ""
        click.echo(f"{mail['created_at']}  email {mail['kind']}  {mail['status']}{error}")


def _since(held: Mapping[str, str | None]) -> str | None:
    return held["ended_at"] or held["confirmed_at"] or held["requested_at"]
