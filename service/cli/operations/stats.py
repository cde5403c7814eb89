"""`newsflash stats`: signups, confirmations and unsubscribes by day and list."""

from datetime import date, datetime, timedelta

import click

from service.cli import options
from service.cli.application import services_or_exit
from service.cli.output import echo_json
from service.clock import utc_now
from service.schemas.operations import ReportSchema
from service.usecases.operations.statistics import COUNTED, MAX_DAYS, USUAL_DAYS, Counts, Totals

DAY = click.DateTime(["%Y-%m-%d"])
WIDTH = 14
TITLES = tuple("unsubscribed" if name == "leavers" else name for name in COUNTED)
"""Column titles. The API names the third figure `leavers`."""


@click.command()
@click.option("--list", "list_", metavar="SLUG", help="Only this list.")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), help=f"[default: {USUAL_DAYS}]")
@click.option("--since", type=DAY, help="The first day (UTC), instead of --days.")
@click.option("--until", type=DAY, help="The last day.  [default: today]")
@options.as_json
def stats(
    *,
    list_: str | None,
    days: int | None,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Print signups, confirmations, unsubscribes, bounces and complaints by day and by list."""
    if days and since:
        raise click.UsageError("Give --days or --since, not both.")
    last = until.date() if until else utc_now().date()
    with options.in_one_line("There are no statistics."):
        report = services_or_exit().statistics.report(
            list=list_, since=_first(since, days, last), until=last
        )
    if as_json:
        echo_json(ReportSchema().dump(report))
        return
    width = max([WIDTH, *(len(each.list) + 1 for each in report.lists)])
    click.echo(_line("day", TITLES, width))
    for day in report.days:
        click.echo(_line(day.day.isoformat(), _numbers(day), width))
    click.echo(_line("all days", _numbers(report.totals), width) + _rate(report.totals))
    for each in report.lists:
        click.echo(_line(each.list, _numbers(each.totals), width) + _rate(each.totals))


def _first(since: datetime | None, days: int | None, last: date) -> date | None:
    if since is not None:
        return since.date()
    return last - timedelta(days=days - 1) if days else None


def _numbers(counts: Counts) -> list[int]:
    return [getattr(counts, name) for name in COUNTED]


def _line(title: str, cells: "list[int] | tuple[str, ...]", width: int) -> str:
    return f"{title:<{width}}" + "".join(f"{each:>{WIDTH}}" for each in cells)


def _rate(totals: Totals) -> str:
    rate = totals.confirmation_rate
    return "" if rate is None else f"  {rate:.0%} confirmed"
