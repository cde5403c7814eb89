"""`newsflash consent-texts`: the words that people agree to, by version."""

from typing import TextIO

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.schemas.lists import (
    ConsentTextCreateSchema,
    ConsentTextSchema,
    ConsentTextsSchema,
)


@click.group("consent-texts")
def consent_texts() -> None:
    """Manage consent texts. A list without its own shows the built-in one, version 1."""


@consent_texts.command("show")
@click.argument("slug")
@options.as_json
def show(*, slug: str, as_json: bool) -> None:
    """Print a list's own consent texts, oldest first."""
    with options.in_one_line("There is no such list."):
        texts = services_or_exit().consent_texts.of_list(slug)
    if as_json:
        echo_json(ConsentTextsSchema().dump({"consent_texts": texts}))
        return
    for text in texts:
        click.echo(f"{text.version}  {text.locale}  {text.created_at:%Y-%m-%dT%H:%M:%SZ}")
        click.echo(f"{text.text}\n")


@consent_texts.command("add")
@click.argument("slug")
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--locale", help="The text's language, such as de.  [default: the list's]")
@options.as_json
def add(*, slug: str, file: TextIO, locale: str | None, as_json: bool) -> None:
    """Publish the text in FILE (- is standard input), and print its version."""
    try:
        given = {"text": file.read()} | ({"locale": locale} if locale else {})
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name} is not UTF-8 text. Save it as UTF-8.") from None
    with options.in_one_line("There is no such list."):
        ConsentTextCreateSchema().load(given)
        text = services_or_exit().consent_texts.add(
            slug, locale=locale, text=given["text"], actor=ACTOR
        )
    if as_json:
        echo_json(ConsentTextSchema().dump(text))
    else:
        click.echo(text.version)
