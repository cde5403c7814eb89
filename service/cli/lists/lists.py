"""`newsflash lists`: mailing lists."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.domain.lists.mailing_list import ListInfo
from service.schemas.lists import ListSchema, ListsSchema

EMPTY: dict[str, Any] = {
    "description": "",
    "controller": "",
    "privacy_url": "",
    "sender": None,
    "redirect_url": None,
    "origins": (),
}
"""The empty value of each field that may be cleared."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group("lists")
def lists() -> None:
    """Create, change and show mailing lists."""


def _fields(command: _Command) -> _Command:
    """Give a command an option for each field that it may set."""
    for option in (
        click.option("--default", "is_default", is_flag=True, help="Make it the default list."),
        click.option("--locale", help="Language of its emails, such as de."),
        click.option("--redirect", "redirect_url", help="Web address that the form leads to."),
        click.option(
            "--origin",
            "origins",
            multiple=True,
            help="A website that may use the form (https://host). Repeat for more.",
        ),
        click.option("--sender", help="Sender of its emails: Name <address@domain>."),
        click.option("--privacy-url", help="Web address of the privacy notice."),
        click.option("--controller", help="Organisation responsible (data controller)."),
        click.option("--description", help="Description, shown on the form."),
    ):
        command = option(command)
    return command


@lists.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="Name that people see.")
@_fields
@options.as_json
def create(*, slug: str, name: str, as_json: bool, **values: object) -> None:
    """Create the mailing list SLUG."""
    given = {field: value for field, value in values.items() if value}
    with options.in_one_line("There is no such list."):
        info = services_or_exit().lists.create(slug=slug, name=name, actor=ACTOR, **given)
    _done(info, "Created", as_json=as_json)


@lists.command("change")
@click.argument("slug")
@click.option("--name", help="Name that people see.")
@_fields
@click.option(
    "--empty",
    "emptied",
    multiple=True,
    type=click.Choice([*EMPTY]),
    help="Clear this field. Without origins, every website may use the form.",
)
@options.as_json
def change(*, slug: str, emptied: tuple[str, ...], as_json: bool, **values: object) -> None:
    """Change the mailing list SLUG. Running services use the change within two seconds."""
    changes = {field: value for field, value in values.items() if value}
    changes |= {field: EMPTY[field] for field in emptied}
    if not changes:
        raise click.UsageError("Give at least one option to change.")
    with options.in_one_line("There is no such list."):
        info = services_or_exit().lists.update(slug, changes, actor=ACTOR)
    _done(info, "Changed", as_json=as_json)


@lists.command("show")
@click.argument("slug", required=False)
@options.as_json
def show(*, slug: str | None, as_json: bool) -> None:
    """Print all mailing lists, or every field of one."""
    found = services_or_exit().lists
    if slug is None:
        if as_json:
            echo_json(ListsSchema().dump({"lists": found.all()}))
            return
        for info in found.all():
            click.echo(f"{info.slug}  {info.name}{'  (default)' if info.is_default else ''}")
        return
    with options.in_one_line("There is no such list."):
        info = found.get(slug)
    if as_json:
        echo_json(ListSchema().dump(info))
    else:
        _print(info)


def _done(info: ListInfo, done: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(ListSchema().dump(info))
    else:
        click.echo(f"{done} list {info.slug}")


def _print(info: ListInfo) -> None:
    for field in info.__dataclass_fields__:
        value = getattr(info, field)
        shown = " ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{field}: {'' if shown is None else shown}")
