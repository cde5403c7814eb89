"""The one source of time: aware UTC, so that tests can freeze it and no naive time gets in.

Machines that share a database share its time: what one has written, another one compares. A machine
whose clock differs from the database's therefore corrects it (`ClockCheck`), as leases, due times
and links' lifetimes would otherwise end earlier or later for it than for the others.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(milliseconds=250)
"""What clocks that are kept by NTP may differ by: it is not corrected."""

_ahead = timedelta(0)


def machine_now() -> datetime:
    """Return what this machine's clock says, as an aware UTC datetime."""
    return datetime.now(UTC)


def utc_now() -> datetime:
    """Return the present moment as an aware UTC datetime with microseconds, by the clock that all
    machines of this installation share.
    """
    return machine_now() - _ahead


def clock_ahead() -> timedelta:
    """Return how far this machine's clock is ahead of the shared one; negative: behind."""
    return _ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockCheck:
    """What the database's clock said to a question, and this machine's before and after it."""

    before: datetime
    database: datetime
    after: datetime

    def ahead(self, *, known: timedelta) -> timedelta:
        """Return how far the machine's clock is ahead: as `known` if the answer allows it.

        The answer was given at any moment of the question, so there is a range. A correction stays
        as it is within it, or time would jump to and fro by how long each answer takes.
        """
        least, most = self.before - self.database, self.after - self.database
        for guess in (known, timedelta(0)):
            if least - TOLERANCE <= guess <= most + TOLERANCE:
                return guess
        return (least + most) / 2


def correct_clock(check: ClockCheck) -> timedelta:
    """Have `utc_now` follow the database's clock from now on; return how far ours is ahead."""
    global _ahead
    _ahead = check.ahead(known=_ahead)
    return _ahead
