"""`newsflash subscribers export` and `import`, with a progress bar on a terminal."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.files.files import open_private, private_file
from service.cli.output import echo_json, json_text
from service.cli.people.people import PEOPLE
from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.files.columns import UnknownColumns
from service.domain.files.exchange import TEXT_FORMATS, FileFormat
from service.domain.files.mapping import parse_mapping
from service.domain.files.presets import Preset
from service.domain.subscription import Status
from service.schemas.files import ImportReportSchema, ManifestSchema
from service.usecases.files.export import ExportRequest, ExportStream
from service.usecases.files.import_reading import RowProblem
from service.usecases.files.import_report import (
    REPORT_HEADER,
    ImportReport,
    header_line,
    report_line,
)
from service.usecases.files.import_subscribers import (
    MAILS_AN_HOUR,
    MAX_MAILS_AN_HOUR,
    ImportOptions,
)

if TYPE_CHECKING:
    from tqdm import tqdm

SHOWN_PROBLEMS = 20
FORMATS = [form.value for form in FileFormat]
TEXT_FORMAT_NAMES = [form.value for form in TEXT_FORMATS]
MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%S%z"])


@click.group("subscribers")
def subscribers() -> None:
    """Export and import subscriptions; find, change and erase people."""


for command in PEOPLE:
    subscribers.add_command(command)


@subscribers.command("export")
@click.option("--list", "list_", metavar="SLUG", help="Only this list.")
@click.option(
    "--status", type=click.Choice([status.value for status in Status]), help="Only this status."
)
@click.option("--locale", help="Only this locale.")
@click.option("--source", help="Only this page or form, exactly.")
@click.option("--from", "requested_from", type=MOMENT, help="Requested at this time or later.")
@click.option("--to", "requested_to", type=MOMENT, help="Requested before this time.")
@click.option(
    "--since",
    type=MOMENT,
    help="Changed since then, including people who unsubscribed or were erased.",
)
@click.option("--format", "format_", default="csv", show_default=True, type=click.Choice(FORMATS))
@click.option("--columns", default="", help="Column names, separated by commas.")
@click.option(
    "--preset",
    type=click.Choice([preset.value for preset in Preset]),
    help="Format for this tool.",
)
@click.option("--bom", is_flag=True, help="Start CSV with a byte order mark, for spreadsheets.")
@click.option("--purpose", help="Purpose, recorded in the audit log.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file.  [default: standard output]",
)
def export(
    *,
    list_: str | None,
    status: str | None,
    format_: str,
    columns: str,
    preset: str | None,
    output: Path | None,
    **asked: Any,
) -> None:
    """Write subscriptions to standard output or a file.

    The file gets its name only once it is complete. Its manifest is written next to it:
    FILE.manifest.json.
    """
    request = ExportRequest(
        format=FileFormat(format_),
        list=list_,
        status=Status(status) if status else None,
        columns=tuple(name.strip() for name in columns.split(",") if name.strip()),
        preset=Preset(preset) if preset else None,
        **asked,
    )
    found = services_or_exit()
    try:
        stream = found.export(request, actor=ACTOR)
    except UnknownListError:
        raise click.ClickException(f"There is no list {list_}.") from None
    except InvalidInputError as error:
        raise click.ClickException(f"{error.field}: {error}") from None
    with closing(stream):
        if output is None:
            _write(stream, sys.stdout.buffer, is_quiet=sys.stdout.isatty())
            return
        with private_file(output) as file:
            _write(stream, file, is_quiet=False)
    manifest = json_text(ManifestSchema().dump(found.exports.get(stream.id)))
    with private_file(output.with_name(f"{output.name}.manifest.json")) as file:
        file.write(f"{manifest}\n".encode())


@subscribers.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(TEXT_FORMAT_NAMES),
    help="[default: from the file's name]",
)
@click.option(
    "--list",
    "list_",
    metavar="SLUG",
    help="List for rows without one.  [default: the default list]",
)
@click.option("--left", is_flag=True, help="Everyone in this file has unsubscribed.")
@click.option(
    "--unknown",
    type=click.Choice([each.value for each in UnknownColumns]),
    help="What to do with unknown columns.  [default: refuse; ignore in files of a known tool]",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="TITLE:COLUMN",
    help="What a column is. Repeat for each column, or give JSON for several.",
)
@click.option(
    "--meaning",
    "meanings",
    multiple=True,
    metavar="TITLE:WORD:MEANING",
    help="What a word in a status column means. Repeat for each word.",
)
@click.option("--encoding", help="Text encoding, such as windows-1252.  [default: detected]")
@click.option("--dry-run", is_flag=True, help="Show the results without changing anything.")
@click.option(
    "--mails-an-hour",
    default=MAILS_AN_HOUR,
    show_default=True,
    type=click.IntRange(1, MAX_MAILS_AN_HOUR),
    help="Confirmation emails per hour to people without evidence of consent.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the result of each row to this CSV file.",
)
@options.as_json
def import_file(
    *,
    file: Path,
    format_: str | None,
    list_: str | None,
    report: Path | None,
    as_json: bool,
    unknown: str | None,
    maps: tuple[str, ...],
    meanings: tuple[str, ...],
    **given: Any,
) -> None:
    """Import subscriptions from FILE. Importing the same file again changes nothing.

    FILE is an export of this service, CSV from a newsletter tool, or a ZIP archive of either.
    Exits with 1 if a row was invalid. Rows of people who unsubscribed here or are suppressed are
    skipped. A column that may say who must not be emailed stops the import until --map says what
    it is.
    """
    form = format_ or ("ndjson" if file.suffix in (".ndjson", ".jsonl") else "csv")
    run = services_or_exit().import_
    with ExitStack() as stack:
        source = stack.enter_context(file.open("rb"))
        rows = stack.enter_context(open_private(report)) if report else None
        bar = stack.enter_context(_bar(total=file.stat().st_size))

        def advance(bytes_read: int, _rows_read: int) -> None:
            bar.update(bytes_read - bar.n)

        if rows is not None:
            rows.write(REPORT_HEADER)
        try:
            found = run(
                source,
                format=FileFormat(form),
                actor=ACTOR,
                options=ImportOptions(
                    list=list_,
                    unknown=UnknownColumns(unknown) if unknown else None,
                    columns=parse_mapping(maps, meanings),
                    **given,
                ),
                progress=advance,
                listener=(lambda result: rows.write(report_line(result))) if rows else None,
                opened=(lambda report: rows.write(header_line(report))) if rows else None,
            )
        except UnknownListError:
            raise click.ClickException(f"There is no list {list_}.") from None
        except InvalidInputError as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        echo_json(ImportReportSchema().dump(found))
    else:
        _tell(found)
    if found.bad:
        sys.exit(1)


def _tell(report: ImportReport) -> None:
    if report.tool:
        click.echo(f"File format: {report.tool_title}.", err=True)
    if report.left_out:
        click.echo(f"Columns left out: {', '.join(report.left_out)}.", err=True)
    _tell_rows(report.problems, report.bad + report.skipped)
    if report.notes:
        click.echo("Imported, with changes:", err=True)
        _tell_rows(report.notes, len(report.notes))
    asked = f" ({report.asked} sent a confirmation email)" if report.asked else ""
    noted = f"; {report.noted} with changes" if report.noted else ""
    click.echo(
        f"{report.rows} rows: {report.imported} imported{asked}, {report.unchanged} unchanged, "
        f"{report.skipped} skipped, {report.bad} invalid{noted}"
    )


def _tell_rows(rows: Sequence[RowProblem], count: int) -> None:
    for row in rows[:SHOWN_PROBLEMS]:
        column = f" {row.column}" if row.column else ""
        click.echo(f"line {row.line}:{column} {row.message}", err=True)
    if (more := count - SHOWN_PROBLEMS) > 0:
        click.echo(f"… and {more} more", err=True)


def _write(stream: ExportStream, file: IO[bytes], *, is_quiet: bool) -> None:
    with _bar(total=None, is_quiet=is_quiet) as bar:
        for block in stream:
            file.write(block)
            bar.update(len(block))
    file.flush()


def _bar(*, total: int | None, is_quiet: bool = False) -> "tqdm[NoReturn]":
    """Return a progress bar in bytes, on standard error and only on a terminal."""
    from tqdm import tqdm

    is_shown = sys.stderr.isatty() and not is_quiet
    return tqdm(total=total, unit="B", unit_scale=True, leave=False, disable=not is_shown)
