"""`newsflash webhooks`: who is told what happens."""

from uuid import UUID

import click

from service.cli.application import app_or_exit, usecases_of
from service.domain.errors import InvalidInputError, NotFoundError, UnknownListError
from service.domain.webhook import EventType

ACTOR = "command line"


@click.group("webhooks")
def webhooks() -> None:
    """Tell the site's own systems what happens."""


@webhooks.command("create")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([each.value for each in EventType]),
    help="An event to be told; again for more.  [default: all]",
)
@click.option("--list", "list_slug", help="Only of this mailing list.")
def create(*, url: str, events: tuple[str, ...], list_slug: str | None) -> None:
    """Make a webhook and print its secret, alone, once."""
    found = usecases_of(app_or_exit()).webhooks
    try:
        view = found.create(url=url, events=events, list_slug=list_slug, actor=ACTOR)
    except InvalidInputError as error:
        raise click.ClickException(f"{error.field}: {error}") from None
    except UnknownListError:
        raise click.ClickException(f"There is no list {list_slug!r}.") from None
    click.echo(f"Webhook {view.info.id}; its secret, shown this once:", err=True)
    click.echo(view.secret)


@webhooks.command("show")
def show() -> None:
    """Print the webhooks, one a line, without their secrets."""
    for view in usecases_of(app_or_exit()).webhooks.all():
        info = view.info
        state = "enabled" if info.is_enabled else f"disabled ({info.disabled_reason or 'by hand'})"
        scope = view.list_slug or "every list"
        click.echo(f"{info.id}  {state}  {scope}  {','.join(info.events)}  {info.url}")


@webhooks.command("delete")
@click.argument("webhook_id", type=click.UUID)
def delete(webhook_id: UUID) -> None:
    """Remove a webhook and what is still owed to it."""
    try:
        usecases_of(app_or_exit()).webhooks.delete(webhook_id, actor=ACTOR)
    except NotFoundError:
        raise click.ClickException(f"There is no webhook {webhook_id}.") from None
