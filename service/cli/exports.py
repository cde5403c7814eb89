"""`newsflash exports`: the manifests of exports."""

from uuid import UUID

import click

from service.cli.application import app_or_exit, usecases_of
from service.cli.output import echo_json
from service.domain.errors import NotFoundError
from service.web.admin.file_schemas import ManifestSchema, ManifestsSchema


@click.group("exports")
def exports() -> None:
    """Look at what was exported."""


@exports.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API answers.")
def list_exports(*, limit: int, as_json: bool) -> None:
    """Print the newest, one a line."""
    page = usecases_of(app_or_exit()).exports.page(limit=limit)
    if as_json:
        echo_json(ManifestsSchema().dump(page))
        return
    for each in page.exports:
        size = f"{each.rows} rows" if each.is_complete else "not complete"
        click.echo(
            f"{each.id}  {each.at:%Y-%m-%dT%H:%M:%SZ}  {each.actor}  {each.format}  {size}"
            f"  {each.purpose or ''}".rstrip()
        )


@exports.command("show")
@click.argument("export_id", type=click.UUID)
def show(*, export_id: UUID) -> None:
    """Print an export's manifest as JSON."""
    try:
        echo_json(ManifestSchema().dump(usecases_of(app_or_exit()).exports.get(export_id)))
    except NotFoundError:
        raise click.ClickException(f"There is no export {export_id}.") from None
