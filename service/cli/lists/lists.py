"""`newsflash lists`: mailing lists."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from service.cli import options
from service.cli.application import services_or_exit
from service.cli.output import echo_json
from service.domain.lists.mailing_list import ListInfo
from service.schemas.lists import ListSchema, ListsSchema

ACTOR = "command line"
EMPTY: dict[str, Any] = {
    "description": "",
    "controller": "",
    "privacy_url": "",
    "sender": None,
    "redirect_url": None,
    "origins": (),
}
"""What each field is that may be emptied, once it is."""

_Command = TypeVar("_Command", bound=Callable[..., Any])


@click.group("lists")
def lists() -> None:
    """Make, change and look at mailing lists."""


def _fields(command: _Command) -> _Command:
    """Give a command an option for each field that it may set."""
    for option in (
        click.option("--default", "is_default", is_flag=True, help="Make it the default list."),
        click.option("--locale", help="Language of its mails."),
        click.option("--redirect", "redirect_url", help="Where a form post leads."),
        click.option("--origin", "origins", multiple=True, help="A site that may post the form."),
        click.option("--sender", help="Name <address@domain> of its mails."),
        click.option("--privacy-url", help="Address of the privacy notice."),
        click.option("--controller", help="Who answers for it, for form and mails."),
        click.option("--description", help="What one gets, for the form."),
    ):
        command = option(command)
    return command


@lists.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="What people see.")
@_fields
@options.as_json
def create(*, slug: str, name: str, as_json: bool, **values: object) -> None:
    """Make the mailing list SLUG."""
    given = {field: value for field, value in values.items() if value}
    with options.in_one_line("There is no such list."):
        info = services_or_exit().lists.create(slug=slug, name=name, actor=ACTOR, **given)
    _done(info, "there", as_json=as_json)


@lists.command("change")
@click.argument("slug")
@click.option("--name", help="What people see.")
@_fields
@click.option(
    "--empty",
    "emptied",
    multiple=True,
    type=click.Choice([*EMPTY]),
    help="Empty it; without origins any site may post the form.",
)
@options.as_json
def change(*, slug: str, emptied: tuple[str, ...], as_json: bool, **values: object) -> None:
    """Change what is given of the mailing list SLUG; running services see it in two seconds."""
    changes = {field: value for field, value in values.items() if value}
    changes |= {field: EMPTY[field] for field in emptied}
    if not changes:
        raise click.UsageError("Say what to change.")
    with options.in_one_line("There is no such list."):
        info = services_or_exit().lists.update(slug, changes, actor=ACTOR)
    _done(info, "changed", as_json=as_json)


@lists.command("show")
@click.argument("slug", required=False)
@options.as_json
def show(*, slug: str | None, as_json: bool) -> None:
    """Print every mailing list, or all of one."""
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


def _done(info: ListInfo, what: str, *, as_json: bool) -> None:
    if as_json:
        echo_json(ListSchema().dump(info))
    else:
        click.echo(f"{info.slug} is {what}")


def _print(info: ListInfo) -> None:
    for field in info.__dataclass_fields__:
        value = getattr(info, field)
        shown = " ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{field}: {'' if shown is None else shown}")
