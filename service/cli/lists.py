"""`newsflash lists`: mailing lists."""

import click

from service.cli.application import app_or_exit, usecases_of
from service.domain.errors import ConflictError, InvalidInputError, UnknownListError
from service.domain.mailing_list import ListInfo

ACTOR = "command line"


@click.group("lists")
def lists() -> None:
    """Make and look at mailing lists."""


@lists.command("create")
@click.argument("slug")
@click.option("--name", required=True, help="What people see.")
@click.option("--description", help="What one gets, for the form.")
@click.option("--controller", help="Who answers for it, for form and mails.")
@click.option("--privacy-url", help="Address of the privacy notice.")
@click.option("--sender", help="Name <address@domain> of its mails.")
@click.option("--origin", "origins", multiple=True, help="A site that may post the form.")
@click.option("--redirect", "redirect_url", help="Where a form post leads.")
@click.option("--locale", help="Language of its mails.")
@click.option("--default", "is_default", is_flag=True, help="Make it the default list.")
def create(slug: str, name: str, **values: object) -> None:
    """Make the mailing list SLUG."""
    given = {field: value for field, value in values.items() if value}
    try:
        info = usecases_of(app_or_exit()).lists.create(slug=slug, name=name, actor=ACTOR, **given)
    except InvalidInputError as error:
        raise click.ClickException(f"{error.field}: {error}") from None
    except ConflictError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{info.slug} is there")


@lists.command("show")
@click.argument("slug", required=False)
def show(slug: str | None) -> None:
    """Print every mailing list, or all of one."""
    found = usecases_of(app_or_exit()).lists
    if slug is None:
        for info in found.all():
            click.echo(f"{info.slug}  {info.name}{'  (default)' if info.is_default else ''}")
        return
    try:
        _print(found.get(slug))
    except UnknownListError:
        raise click.ClickException(f"There is no list {slug}.") from None


def _print(info: ListInfo) -> None:
    for field in info.__dataclass_fields__:
        value = getattr(info, field)
        shown = " ".join(value) if isinstance(value, tuple) else value
        click.echo(f"{field}: {'' if shown is None else shown}")
