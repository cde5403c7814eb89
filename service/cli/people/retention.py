"""`newsflash retention`: retention periods and deletions."""

from dataclasses import asdict

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.output import echo_json
from service.schemas.people import RetentionSchema


@click.group("retention")
def retention() -> None:
    """Show and apply retention periods. The worker applies them every hour."""


@retention.command("show")
@options.as_json
def show(*, as_json: bool) -> None:
    """Print the retention periods and the recent deletions."""
    view = services_or_exit().retention.show()
    if as_json:
        echo_json(RetentionSchema().dump(view))
        return
    for name, days in asdict(view.rules).items():
        click.echo(f"{name.removesuffix('_days')}: {f'{days} days' if days else 'kept'}")
    for run in view.runs:
        counts = ", ".join(f"{count} {name}" for name, count in run.removed.items() if count)
        click.echo(f"{run.at:%Y-%m-%dT%H:%M:%SZ}  {run.actor}  {counts}")


@retention.command("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def run_now(*, as_json: bool) -> None:
    """Delete everything that is past its retention period."""
    apply = services_or_exit().retention
    counts: dict[str, int] = {}
    while (removed := apply.run(actor=ACTOR)).total:
        for name, count in asdict(removed).items():
            counts[name] = counts.get(name, 0) + count
    if as_json:
        echo_json(counts)
    else:
        click.echo(", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing due")
