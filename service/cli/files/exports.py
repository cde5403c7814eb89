"""`newsflash exports`: the manifests of exports."""

from uuid import UUID

import click

from service.cli import options
from service.cli.application import services_or_exit
from service.cli.output import echo_json
from service.schemas.files import ManifestSchema, ManifestsSchema


@click.group("exports")
def exports() -> None:
    """Show past exports."""


@exports.command("list")
@options.page
@options.as_json
def list_exports(*, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print the newest, one per line."""
    with options.in_one_line("There is no such export."):
        page = services_or_exit().exports.page(limit=limit, cursor=cursor)
    if as_json:
        echo_json(ManifestsSchema().dump(page))
        return
    for each in page.items:
        size = f"{each.rows} rows" if each.is_complete else "incomplete"
        click.echo(
            f"{each.id}  {each.at:%Y-%m-%dT%H:%M:%SZ}  {each.actor}  {each.format}  {size}"
            f"  {each.purpose or ''}".rstrip()
        )


@exports.command("show")
@click.argument("export_id", type=click.UUID)
def show(*, export_id: UUID) -> None:
    """Print an export's manifest as JSON."""
    with options.in_one_line(f"There is no export {export_id}."):
        manifest = services_or_exit().exports.get(export_id)
    echo_json(ManifestSchema().dump(manifest))
