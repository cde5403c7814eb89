"""`newsflash audit`: what administrators did."""

import json

import click

from service.cli import options
from service.cli.application import services_or_exit
from service.cli.output import echo_json
from service.schemas.access import AuditSchema


@click.command()
@options.page
@options.as_json
def audit(*, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print the newest entries of the audit log, one per line."""
    with options.in_one_line("There is no such entry."):
        page = services_or_exit().audit.page(limit=limit, cursor=cursor)
    if as_json:
        echo_json(AuditSchema().dump(page))
        return
    for entry in page.items:
        detail = json.dumps(entry.detail, ensure_ascii=False) if entry.detail else ""
        click.echo(
            f"{entry.at:%Y-%m-%dT%H:%M:%SZ}  {entry.actor}  {entry.action}"
            f"  {entry.target or '-'}  {detail}".rstrip()
        )
