"""Plots as numbers: where the server draws each bar. The template turns them into inline SVG.

The plot is stretched to its place in the width and keeps its height, so that no text stands in it:
labels are ordinary text beside it, of one size on every screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from service.usecases.operations.statistics import Day

HEIGHT = 220
STEP = 10
BAR = 8
_NICE = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A rectangle, and which series it belongs to."""

    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBars:
    """One day's bars, and the strip that they stand in."""

    day: Day
    x: float
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A line across the plot, and the number that it stands for."""

    y: float
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Signups above the line and unsubscribes below it, on one scale."""

    width: int
    height: int
    zero: float
    days: Sequence[DayBars]
    ticks: Sequence[Tick]


def daily_chart(days: Sequence[Day]) -> Chart:
    """Draw the days: signups and confirmations above; unsubscribes, bounces, complaints below."""
    up = max((max(day.signups, day.confirmations) for day in days), default=0)
    down = max((day.leavers + day.bounces + day.complaints for day in days), default=0)
    step = _nice_step(max(up, down))
    top = max(step, -(-up // step) * step)
    bottom = -(-down // step) * step
    unit = HEIGHT / (top + bottom)
    zero = top * unit
    return Chart(
        width=len(days) * STEP,
        height=HEIGHT,
        zero=round(zero, 2),
        days=[_day_bars(day, place * STEP, zero, unit) for place, day in enumerate(days)],
        ticks=[
            Tick(y=round(zero - value * unit, 2), value=abs(value))
            for value in range(-bottom, top + 1, step)
        ],
    )


def _day_bars(day: Day, x: int, zero: float, unit: float) -> DayBars:
    left = x + (STEP - BAR) / 2
    gone = day.leavers + day.bounces
    placed = (
        ("signups", 0, day.signups),
        ("confirmations", 0, day.confirmations),
        ("leavers", 0, -day.leavers),
        ("bounces", -day.leavers, -gone),
        ("complaints", -gone, -gone - day.complaints),
    )
    return DayBars(
        day=day,
        x=x,
        bars=[
            Bar(
                series=series,
                x=left,
                y=round(zero - max(start, end) * unit, 2),
                width=BAR,
                height=round(abs(end - start) * unit, 2),
            )
            for series, start, end in placed
            if start != end
        ],
    )


def _nice_step(largest: int) -> int:
    """Return a round distance between ticks that gives at most four of them up to `largest`."""
    scale = 1
    while True:
        for nice in _NICE:
            if nice * scale * 4 >= largest:
                return nice * scale
        scale *= 10


def share(part: int, whole: int) -> int | None:
    """Return how many percent `part` is of `whole`, or None where there is nothing."""
    return round(100 * part / whole) if whole else None
