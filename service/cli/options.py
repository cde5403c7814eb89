"""What many commands share: options, and errors in one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from marshmallow import ValidationError

from service.domain.errors import (
    AddressError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnknownListError,
)
from service.schemas.errors import field_errors
from service.schemas.paging import USUAL_PAGE

MAX_LINES = 1000
"""A command prints more at once than an answer may hold: it keeps no thread of the service."""
_Command = TypeVar("_Command", bound=Callable[..., Any])

as_json = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, as in the API's answer."
)
limit = click.option(
    "--limit",
    default=USUAL_PAGE,
    show_default=True,
    type=click.IntRange(1, MAX_LINES),
    help="How many.",
)


def page(command: _Command) -> _Command:
    """Give a command `--limit` and `--cursor`, by which a script goes from page to page."""
    cursor = click.option(
        "--cursor", help="next_cursor of the previous page, as printed by --json."
    )
    return limit(cursor(command))


@contextmanager
def in_one_line(nothing: str) -> Iterator[None]:
    """End the command with one line where it cannot be done; `nothing` says what is not there."""
    try:
        yield
    except UnknownListError as error:
        raise click.ClickException(f"There is no list {error.args[0]!r}.") from None
    except NotFoundError:
        raise click.ClickException(nothing) from None
    except InvalidInputError as error:
        raise click.ClickException(f"{error.field}: {error}") from None
    except ValidationError as error:
        wrong = (f"{name}: {text}" for name, text in field_errors(error).items())
        raise click.ClickException("; ".join(wrong)) from None
    except (AddressError, ConflictError) as error:
        raise click.ClickException(str(error)) from None
