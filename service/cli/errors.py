"""What a person sees of an error that no command expects: one line, never a traceback."""

from typing import Any

import click
import structlog
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.config import SettingError
from service.log import configure_logging, error_fields

_log = structlog.get_logger(__name__)


class OneLineErrors(click.Group):
    """Ends a command with one line and status 1, whatever goes wrong in it.

    A surprise is logged with the lines of our own code that it came through.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click says them in its own way
        except SettingError as error:
            raise click.ClickException(str(error)) from None
        except (OperationalError, InterfaceError, PoolTimeoutError) as error:
            raise click.ClickException(_unavailable(error)) from None
        except OSError as error:
            if error.filename is None:
                raise click.ClickException(_surprise(error)) from None
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None
        except DatabaseError as error:
            # Bare, it is SQLite's word for a file that is damaged or none of its own.
            is_bare = type(error) is DatabaseError
            raise click.ClickException((_unavailable if is_bare else _surprise)(error)) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, no traceback is printed
            raise click.ClickException(_surprise(error)) from None


def _unavailable(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    reason = " ".join(str(cause).split())
    return f"The database does not answer ({reason}). Check NEWSFLASH_DATABASE_URL."


def _surprise(error: Exception) -> str:
    configure_logging()
    _log.error("unexpected error", **error_fields(error))
    return "Something went wrong on our side. The log line above says where."
