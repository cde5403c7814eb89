"""`newsflash consent-texts`: the words that people agree to, by version."""

from typing import TextIO

import click

from service.cli.application import app_or_exit, usecases_of
from service.domain.errors import InvalidInputError, UnknownListError

ACTOR = "command line"


@click.group("consent-texts")
def consent_texts() -> None:
    """Say what people agree to. Without a text of its own a list shows the built-in one, 1."""


@consent_texts.command("show")
@click.argument("slug")
def show(slug: str) -> None:
    """Print a list's own texts, oldest first."""
    try:
        texts = usecases_of(app_or_exit()).consent_texts.of_list(slug)
    except UnknownListError:
        raise click.ClickException(f"There is no list {slug!r}.") from None
    for text in texts:
        click.echo(f"{text.version}  {text.locale}  {text.created_at:%Y-%m-%dT%H:%M:%SZ}")
        click.echo(f"{text.text}\n")


@consent_texts.command("add")
@click.argument("slug")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--locale", help="The text's language, such as de.  [default: the list's]")
def add(*, slug: str, file: TextIO, locale: str | None) -> None:
    """Show the words in FILE (- is standard input) from now on, and print their version."""
    try:
        text = usecases_of(app_or_exit()).consent_texts.add(
            slug, locale=locale, text=file.read(), actor=ACTOR
        )
    except UnknownListError:
        raise click.ClickException(f"There is no list {slug!r}.") from None
    except InvalidInputError as error:
        raise click.ClickException(f"{error.field}: {error}") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name} is not UTF-8 text.") from None
    click.echo(text.version)
