"""`newsflash doctor`: whether an installation will work, and what to change."""

from pathlib import Path

import click
from sqlalchemy.engine import URL

from service.cli.application import open_services, settings_or_exit
from service.config import refuse_key, throwaway_key
from service.domain.finding import Finding, Level

_COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.FAILED: "red"}


@click.command()
def doctor() -> None:
    """Check configuration, database, providers and the sender's DNS.

    Prints one line per check, and exits with 1 if one failed. Changes nothing, sends no email.
    """
    settings = settings_or_exit(missing_key=_stand_in)
    has_failed = False
    for finding in open_services(settings, only_looks=True).doctor():
        click.echo(_line(finding))
        has_failed = has_failed or finding.level is Level.FAILED
    if has_failed:
        raise click.exceptions.Exit(1)


def _stand_in(name: str, url: URL) -> str:
    """Return any key before there is a database: the first start creates the real one."""
    return (refuse_key if Path(url.database or "").exists() else throwaway_key)(name, url)


def _line(finding: Finding) -> str:
    level = click.style(f"{finding.level:<7}", fg=_COLORS[finding.level])
    return f"{level}  {finding.subject}: {finding.detail}"
