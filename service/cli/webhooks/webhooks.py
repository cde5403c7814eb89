"""`newsflash webhooks`: notify other systems of events."""

from typing import Any
from uuid import UUID

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.domain.webhooks.event import EventType
from service.schemas.webhooks import (
    AttemptsSchema,
    WebhookSchema,
    WebhooksSchema,
    webhook_data,
)
from service.usecases.webhooks.receivers import Webhooks, WebhookView

EVENTS = click.Choice([each.value for each in EventType])
WEBHOOK = click.argument("webhook_id", type=click.UUID)


@click.group("webhooks")
def webhooks() -> None:
    """Notify your systems of events."""


@webhooks.command("create")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=EVENTS,
    help="An event to send. Repeat for more.  [default: all]",
)
@click.option("--list", "list_slug", help="Only events of this mailing list.")
@options.as_json
def create(*, url: str, events: tuple[str, ...], list_slug: str | None, as_json: bool) -> None:
    """Create a webhook and print its secret. It is shown only once."""
    with options.in_one_line("There is no such webhook."):
        view = _found().create(url=url, events=events, list_slug=list_slug, actor=ACTOR)
    if as_json:
        echo_json(WebhookSchema().dump(webhook_data(view)))
        return
    click.echo(f"Created webhook {view.info.id}. Its secret, shown only once:", err=True)
    click.echo(view.secret)


@webhooks.command("show")
@click.argument("webhook_id", type=click.UUID, required=False)
@options.as_json
def show(*, webhook_id: UUID | None, as_json: bool) -> None:
    """Print all webhooks, or one, one per line, without their secrets."""
    if webhook_id is None:
        views = _found().all()
        if as_json:
            echo_json(WebhooksSchema().dump({"webhooks": [webhook_data(each) for each in views]}))
            return
        for view in views:
            click.echo(_line(view))
        return
    with options.in_one_line(f"There is no webhook {webhook_id}."):
        view = _found().get(webhook_id)
    _tell(view, as_json=as_json)


@webhooks.command("change")
@WEBHOOK
@click.option("--url", help="New address to send events to.")
@click.option(
    "--event", "events", multiple=True, type=EVENTS, help="Send only these events. Repeat for more."
)
@click.option("--list", "list", help="Only events of this mailing list.")
@click.option("--every-list", is_flag=True, help="Send events of all lists.")
@click.option("--enable/--disable", "is_enabled", default=None, help="Resume or pause it.")
@options.as_json
def change(*, webhook_id: UUID, every_list: bool, as_json: bool, **given: Any) -> None:
    """Change a webhook. Enabling it sends its queued deliveries."""
    if every_list and given["list"]:
        raise click.UsageError("Give --list or --every-list, not both.")
    changes = {name: value for name, value in given.items() if value not in (None, ())}
    if every_list:
        changes["list"] = None
    if not changes:
        raise click.UsageError("Give at least one option to change.")
    with options.in_one_line(f"There is no webhook {webhook_id}."):
        view = _found().update(webhook_id, changes, actor=ACTOR)
    _tell(view, as_json=as_json)


@webhooks.command("attempts")
@WEBHOOK
@options.page
@options.as_json
def attempts(*, webhook_id: UUID, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print the deliveries of the last 30 days, newest first, one per line."""
    with options.in_one_line(f"There is no webhook {webhook_id}."):
        page = _found().attempts(webhook_id, limit=limit, cursor=cursor)
    if as_json:
        echo_json(AttemptsSchema().dump(page))
        return
    for each in page.items:
        outcome = each.error or each.status_code
        click.echo(
            f"{each.at:%Y-%m-%dT%H:%M:%SZ}  {each.type}  {outcome}  {each.duration_ms} ms"
            f"  {each.event_id}"
        )


@webhooks.command("delete")
@WEBHOOK
def delete(webhook_id: UUID) -> None:
    """Delete a webhook and its queued deliveries."""
    with options.in_one_line(f"There is no webhook {webhook_id}."):
        _found().delete(webhook_id, actor=ACTOR)


def _found() -> Webhooks:
    return services_or_exit().webhooks


def _tell(view: WebhookView, *, as_json: bool) -> None:
    if as_json:
        echo_json(WebhookSchema().dump(webhook_data(view)))
    else:
        click.echo(_line(view))


def _line(view: WebhookView) -> str:
    info = view.info
    state = "enabled" if info.is_enabled else f"disabled ({info.disabled_reason or 'by hand'})"
    return (
        f"{info.id}  {state}  {view.list_slug or 'every list'}  {','.join(info.events)}  {info.url}"
    )
