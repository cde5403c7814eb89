"""`newsflash subscribers`: files in and out, with a progress bar on a terminal."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click

from service.cli.application import services_or_exit
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

ACTOR = "command line"
SHOWN_PROBLEMS = 20
FORMATS = [form.value for form in FileFormat]
TEXT_FORMAT_NAMES = [form.value for form in TEXT_FORMATS]
MOMENT = click.DateTime(["%Y-%m-%dT%H:%M:%S%z"])


@click.group("subscribers")
def subscribers() -> None:
    """Export and import subscriptions; find, correct and erase people."""


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
@click.option("--since", type=MOMENT, help="Changed since then, also who left or was erased.")
@click.option("--format", "format_", default="csv", show_default=True, type=click.Choice(FORMATS))
@click.option("--columns", default="", help="Names with commas between.")
@click.option(
    "--preset",
    type=click.Choice([preset.value for preset in Preset]),
    help="The columns that this tool imports.",
)
@click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark, for spreadsheets.")
@click.option("--purpose", help="What the file is for; the audit log keeps it.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Not to stdout.")
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

    The file takes its name only once it is whole, and its manifest lies beside it:
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
    help="Told by the file's name where left out.",
)
@click.option("--list", "list_", metavar="SLUG", help="The list of rows that name none.")
@click.option("--left", is_flag=True, help="Take every row for one of somebody who left.")
@click.option(
    "--unknown",
    type=click.Choice([each.value for each in UnknownColumns]),
    help="What to do with columns that have no known meaning. Default: refuse, but ignore those "
    "of a known tool's file.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="TITLE:COLUMN",
    help="What a column is. Once for each column, or JSON for several.",
)
@click.option(
    "--meaning",
    "meanings",
    multiple=True,
    metavar="TITLE:WORD:MEANING",
    help="What a word in a status column means. Once for each word.",
)
@click.option("--encoding", help="Told by the file where left out, as windows-1252.")
@click.option("--dry-run", is_flag=True, help="Say what would become of it; change nothing.")
@click.option(
    "--mails-an-hour",
    default=MAILS_AN_HOUR,
    show_default=True,
    type=click.IntRange(1, MAX_MAILS_AN_HOUR),
    help="How fast those are asked who came without evidence.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Every row, as CSV."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API answers.")
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
    **options: Any,
) -> None:
    """Import subscriptions from FILE. Importing it again changes nothing.

    FILE is one of ours, CSV of a newsletter tool, or a ZIP archive of either. Exits with 1 if a
    row was invalid. Rows of people who unsubscribed, or are suppressed, are skipped. A column that
    may say who must not be emailed stops the import until --map says what it is.
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
                    **options,
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
        click.echo(f"Taken for a file of {report.tool_title}.", err=True)
    if report.left_out:
        click.echo(f"Columns left out: {', '.join(report.left_out)}.", err=True)
    _tell_rows(report.problems, report.bad + report.skipped)
    if report.notes:
        click.echo("Imported, with changes:", err=True)
        _tell_rows(report.notes, len(report.notes))
    asked = f" ({report.asked} asked by email)" if report.asked else ""
    noted = f"; {report.noted} with changes" if report.noted else ""
    click.echo(
        f"{report.rows} rows: {report.imported} imported{asked}, {report.unchanged} unchanged, "
        f"{report.skipped} skipped, {report.bad} bad{noted}"
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
