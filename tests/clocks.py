"""Machines whose clocks differ from the database's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import Connection, Engine

from service import clock
from service.store import database_clock
from service.store.database import reading

_ask = database_clock.ask


def _forget() -> None:
    clock._ahead = timedelta(0)
    database_clock._looked_at = float("-inf")
    database_clock._logged = timedelta(0)


@contextmanager
def machine(seconds_ahead: float, engine: Engine) -> Iterator[None]:
    """Be a process that runs on a machine whose clock is wrong by so much.

    The database answers by its own clock, which nothing here changes, and was asked once.
    """
    _forget()
    there = datetime.now(UTC) + timedelta(seconds=seconds_ahead)
    with pytest.MonkeyPatch.context() as patched, time_machine.travel(there, tick=True):
        patched.setattr(database_clock, "ask", _ask)
        with reading(engine):
            pass
        yield
    _forget()


@contextmanager
def database_ahead(seconds: float) -> Iterator[None]:
    """Have the database's clock be ahead of this machine's, on which time may stand still."""
    _forget()

    def ask(_connection: Connection) -> datetime:
        return clock.machine_now() + timedelta(seconds=seconds)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(database_clock, "ask", ask)
        yield
    _forget()
