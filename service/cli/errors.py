"""What a person sees of an error that no command expects: one line, never a traceback.

Libraries are imported once there is an error, for `--help` needs none of them.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click


class OneLineErrors(click.Group):
    """Ends a command with one line and status 1, whatever goes wrong in it.

    A surprise is logged with the lines of our own code that it came through.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with errors_in_one_line():
            return super().invoke(ctx)


@contextmanager
def errors_as_log_lines() -> Iterator[None]:
    """End a process that has no command of its own with status 1 and a line of the log."""
    try:
        with errors_in_one_line():
            yield
    except click.ClickException as error:
        _log_end(error)
        raise SystemExit(1) from None


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Raise `ClickException` with what to do, whatever goes wrong."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise  # click says them in its own way
    except Exception as error:  # noqa: BLE001 - whatever it is, no traceback is printed
        raise click.ClickException(_line_of(error)) from None


def _line_of(error: Exception) -> str:
    from sqlalchemy.exc import DatabaseError, InterfaceError, OperationalError
    from sqlalchemy.exc import TimeoutError as PoolTimeoutError

    from service.config import SettingError

    if isinstance(error, SettingError):
        return str(error)
    if isinstance(error, (OperationalError, InterfaceError, PoolTimeoutError)):
        return _unavailable(error)
    if isinstance(error, OSError):
        return _surprise(error) if error.filename is None else _no_access(error)
    # Bare, it is SQLite's word for a file that is damaged or none of its own.
    return (_unavailable if type(error) is DatabaseError else _surprise)(error)


def _log_end(error: click.ClickException) -> None:
    _logger().error("cannot start", reason=error.format_message())


def _logger() -> Any:
    import structlog

    from service.log import configure_logging

    configure_logging()
    return structlog.get_logger(__name__)


def _no_access(error: OSError) -> str:
    advice = ""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        advice = f". Let user {os.geteuid()} write there, or start in another folder"
    elif error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = ". Free some space on that disk"
    return f"{error.filename}: {error.strerror}{advice}"


def _unavailable(error: Exception) -> str:
    from sqlalchemy.exc import DBAPIError

    from service.usecases.operations.connections import too_many_connections

    if advice := too_many_connections(error):
        return f"{advice}."
    cause = error.orig if isinstance(error, DBAPIError) else error
    reason = " ".join(str(cause).split())
    return f"The database does not answer ({reason}). Check NEWSFLASH_DATABASE_URL."


def _surprise(error: Exception) -> str:
    from service.log import error_fields

    _logger().error("unexpected error", **error_fields(error))
    return "This is a bug in Newsflash. The log line above says where; please report it."
