"""`newsflash held`: signups held for review."""

from collections.abc import Callable
from uuid import UUID

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.schemas.signup import HeldListSchema, held_data


@click.group("held")
def held() -> None:
    """Review held signups: approve or discard them."""


@held.command("list")
@options.page
@options.as_json
def list_held(*, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print the newest, one per line."""
    with options.in_one_line("There is no such held signup."):
        page = services_or_exit().held.page(limit=limit, cursor=cursor)
    if as_json:
        echo_json(HeldListSchema().dump(held_data(page)))
        return
    for view in page.items:
        signup, risk = view.held.signup, view.held.risk
        click.echo(
            f"{signup.message_id}  {signup.at:%Y-%m-%dT%H:%M:%SZ}  {risk.score}"
            f"  {','.join(risk.reasons)}  {','.join(view.lists)}  {signup.address.typed}"
        )


@held.command("release")
@click.argument("held_ids", nargs=-1, required=True, type=click.UUID)
def release(*, held_ids: tuple[UUID, ...]) -> None:
    """Approve signups: each person gets the confirmation email."""
    found = services_or_exit().held
    _each(held_ids, lambda held_id: found.release(held_id, actor=ACTOR), "released")


@held.command("drop")
@click.argument("held_ids", nargs=-1, required=True, type=click.UUID)
def drop(*, held_ids: tuple[UUID, ...]) -> None:
    """Discard signups."""
    found = services_or_exit().held
    _each(held_ids, lambda held_id: found.drop(held_id, actor=ACTOR), "dropped")


def _each(held_ids: tuple[UUID, ...], act: Callable[[UUID], None], done: str) -> None:
    for held_id in held_ids:
        with options.in_one_line(f"There is no held signup {held_id}."):
            act(held_id)
        click.echo(f"{held_id} {done}")
