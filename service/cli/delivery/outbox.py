"""`newsflash outbox`: emails that need a person."""

from datetime import datetime
from uuid import UUID

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.domain.delivery.retry import MessageStatus
from service.schemas.delivery import MessagesSchema, messages_data

ANY = "any"
MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%S%z"])


@click.group("outbox")
def outbox() -> None:
    """Show queued emails, and retry failed ones."""


@outbox.command("list")
@click.option(
    "--status",
    default=MessageStatus.FAILED.value,
    show_default=True,
    type=click.Choice([*(each.value for each in MessageStatus), ANY]),
)
@options.page
@options.as_json
def list_messages(*, status: str, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print the newest emails with one status, one per line, without addresses."""
    with options.in_one_line("There is no such email."):
        page = services_or_exit().outbox.page(
            status=None if status == ANY else MessageStatus(status), limit=limit, cursor=cursor
        )
    if as_json:
        echo_json(MessagesSchema().dump(messages_data(page)))
        return
    for view in page.items:
        info = view.info
        click.echo(
            f"{info.id}  {info.created_at:%Y-%m-%dT%H:%M:%SZ}  {info.kind}  {','.join(view.lists)}"
            f"  {info.attempts} attempts  {info.provider or '-'}  {info.last_error or '-'}"
        )


@outbox.command("retry")
@click.argument("message_ids", nargs=-1, type=click.UUID)
@click.option("--all-failed", is_flag=True, help="Every failed email whose link still works.")
def retry(*, message_ids: tuple[UUID, ...], all_failed: bool) -> None:
    """Queue failed emails again. They have three more days."""
    if all_failed == bool(message_ids):
        raise click.UsageError("Give message ids or --all-failed.")
    found = services_or_exit().outbox
    if all_failed:
        click.echo(f"{found.retry_all(actor=ACTOR)} queued")
        return
    for message_id in message_ids:
        with options.in_one_line(f"There is no email {message_id}."):
            found.retry(message_id, actor=ACTOR)
        click.echo(f"{message_id} queued")


@outbox.command("drop")
@click.option(
    "--created-before",
    required=True,
    type=MOMENT,
    help="The time of the restore, such as 2026-11-27T09:00:00Z.",
)
def drop(*, created_before: datetime) -> None:
    """Withhold emails that were queued before a time.

    For a database restored from a backup: emails sent after the backup are still queued in it, and
    would be sent twice. Run this before you start a worker.
    """
    count = services_or_exit().outbox.drop(created_before=created_before, actor=ACTOR)
    click.echo(f"{count} dropped")
