"""`newsflash outbox`: mail that needs a person."""

from uuid import UUID

import click

from service.cli.application import app_or_exit, usecases_of
from service.domain.delivery import MessageStatus
from service.domain.errors import ConflictError, NotFoundError

ACTOR = "command line"


@click.group("outbox")
def outbox() -> None:
    """Look at owed mail, and try dead mail once more."""


@outbox.command("list")
@click.option(
    "--status",
    default=MessageStatus.DEAD.value,
    show_default=True,
    type=click.Choice([each.value for each in MessageStatus]),
)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
def list_messages(*, status: str, limit: int) -> None:
    """Print the newest messages in one state, one a line, without addresses."""
    found = usecases_of(app_or_exit()).outbox.page(status=MessageStatus(status), limit=limit)
    for view in found:
        info = view.info
        click.echo(
            f"{info.id}  {info.created_at:%Y-%m-%dT%H:%M:%SZ}  {info.kind}  {','.join(view.lists)}"
            f"  {info.attempts} attempts  {info.provider or '-'}  {info.last_error or '-'}"
        )


@outbox.command("retry")
@click.argument("message_ids", nargs=-1, type=click.UUID)
@click.option("--all-dead", is_flag=True, help="Every dead message whose link still works.")
def retry(*, message_ids: tuple[UUID, ...], all_dead: bool) -> None:
    """Queue dead messages anew; they have three more days."""
    if all_dead == bool(message_ids):
        raise click.UsageError("Name messages, or give --all-dead.")
    found = usecases_of(app_or_exit()).outbox
    if all_dead:
        click.echo(f"{found.retry_all(actor=ACTOR)} queued")
        return
    for message_id in message_ids:
        try:
            found.retry(message_id, actor=ACTOR)
        except NotFoundError:
            raise click.ClickException(f"There is no message {message_id}.") from None
        except ConflictError as error:
            raise click.ClickException(f"{message_id}: {error}") from None
        click.echo(f"{message_id} queued")
