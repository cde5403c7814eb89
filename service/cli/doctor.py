"""`newsflash doctor`: whether an installation will work, and what to change."""

import os

import click

from service.cli.application import app_or_exit, usecases_of
from service.domain.finding import Finding, Level
from service.usecases.doctor import Doctor

_COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red"}


@click.command()
def doctor() -> None:
    """Check configuration, database, providers and the sender's DNS; one line each.

    Ends with 1 where anything failed. Nothing is changed and no mail is sent.
    """
    found = usecases_of(app_or_exit())
    checks = Doctor(
        found.settings,
        health=found.health,
        lists=found.lists,
        environment=os.environ,
        metrics=found.metrics,
    )
    has_failed = False
    for finding in checks():
        click.echo(_line(finding))
        has_failed = has_failed or finding.level is Level.FAILED
    if has_failed:
        raise click.exceptions.Exit(1)


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<7}", fg=_COLORS[finding.level])
    return f"{level}  {finding.subject}: {finding.detail}"
