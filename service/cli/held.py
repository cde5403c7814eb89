"""`newsflash held`: signups held for review."""

from collections.abc import Callable
from uuid import UUID

import click

from service.cli.application import app_or_exit, usecases_of
from service.domain.errors import ConflictError, NotFoundError

ACTOR = "command line"


@click.group("held")
def held() -> None:
    """Look at signups held for review, and let them through or not."""


@held.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
def list_held(*, limit: int) -> None:
    """Print the newest, one a line."""
    for view in usecases_of(app_or_exit()).held.page(limit=limit):
        signup, risk = view.held.signup, view.held.risk
        click.echo(
            f"{signup.message_id}  {signup.at:%Y-%m-%dT%H:%M:%SZ}  {risk.score}"
            f"  {','.join(risk.reasons)}  {','.join(view.lists)}  {signup.address.typed}"
        )


@held.command("release")
@click.argument("held_ids", nargs=-1, required=True, type=click.UUID)
def release(*, held_ids: tuple[UUID, ...]) -> None:
    """Take signups as if they were made now: each gets the mail to confirm."""
    found = usecases_of(app_or_exit()).held
    _each(held_ids, lambda held_id: found.release(held_id, actor=ACTOR), "released")


@held.command("drop")
@click.argument("held_ids", nargs=-1, required=True, type=click.UUID)
def drop(*, held_ids: tuple[UUID, ...]) -> None:
    """Forget signups."""
    found = usecases_of(app_or_exit()).held
    _each(held_ids, lambda held_id: found.drop(held_id, actor=ACTOR), "dropped")


def _each(held_ids: tuple[UUID, ...], act: Callable[[UUID], None], done: str) -> None:
    for held_id in held_ids:
        try:
            act(held_id)
        except NotFoundError:
            raise click.ClickException(f"There is no held signup {held_id}.") from None
        except ConflictError as error:
            raise click.ClickException(f"{held_id}: {error}") from None
        click.echo(f"{held_id} {done}")
