"""Export and import: subscriptions as files."""

import sys
from base64 import b64encode
from datetime import UTC, datetime

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.clock import utc_now
from service.domain.errors import InvalidInputError
from service.domain.exchange import (
    EXPORT_COLUMNS,
    EXTRA_COLUMNS,
    MEDIA_TYPES,
    FileFormat,
    csv_line,
)
from service.domain.subscription import Status
from service.usecases.export import ExportRequest
from service.usecases.import_ import ImportOptions
from service.usecases.import_report import ImportReport
from service.web.admin_pages import admin_pages
from service.web.admin_pages.session import actor, signed_in
from service.web.context import usecases

SHOWN_PROBLEMS = 50
FORM_MEMORY_BYTES = 512 * 1024
"""What reading a form with a file holds in memory: several of the blocks that it is read in."""


@admin_pages.get("/export")
@signed_in
def export() -> ResponseReturnValue:
    """Ask what to export."""
    return _export_page()


@admin_pages.post("/export")
@signed_in
def start_export() -> ResponseReturnValue:
    """Stream the file that was asked for. A POST, for each export is kept in the audit log."""
    status, format_ = request.form.get("status", ""), request.form.get("format", "")
    try:
        asked = ExportRequest(
            format=FileFormat(format_) if format_ in set(FileFormat) else FileFormat.CSV,
            list=request.form.get("list") or None,
            status=Status(status) if status in set(Status) else None,
            columns=tuple(request.form.getlist("columns")),
            since=_since(request.form.get("since", "")),
        )
        stream = usecases().export(asked, actor=actor())
    except InvalidInputError as error:
        return _export_page(errors={error.field: str(error)}), 422
    name = f"{asked.list or 'subscribers'}-{utc_now():%Y-%m-%d}.{asked.format}"
    return Response(
        stream,
        content_type=MEDIA_TYPES[asked.format],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@admin_pages.get("/import")
@signed_in
def import_() -> ResponseReturnValue:
    """Ask for a file."""
    return _import_page()


@admin_pages.before_request
def take_long_files() -> None:
    """Let an import be as long as it is: a form's file lies on disk and is read line by line."""
    if request.endpoint == "admin.start_import":
        request.max_content_length = sys.maxsize
        request.max_form_memory_size = FORM_MEMORY_BYTES


@admin_pages.post("/import")
@signed_in
def start_import() -> ResponseReturnValue:
    """Import the file, or only try to, and say what became of its rows; 422 where none was read."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _import_page(error=_("Choose a file.")), 422
    is_json = file.filename.lower().endswith((".ndjson", ".jsonl", ".json"))
    is_trial = "try" in request.form
    try:
        report = usecases().import_(
            file.stream,
            format=FileFormat.NDJSON if is_json else FileFormat.CSV,
            actor=actor(),
            options=ImportOptions(dry_run=is_trial),
        )
    except InvalidInputError as error:
        return _import_page(error=str(error)), 422
    return _import_page(report=report, name=file.filename, is_trial=is_trial)


def _export_page(*, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "admin/export.html",
        lists=usecases().lists.all(),
        statuses=[status.value for status in Status],
        formats=[format_.value for format_ in FileFormat],
        columns=EXPORT_COLUMNS + EXTRA_COLUMNS,
        chosen=request.form.getlist("columns") if errors else EXPORT_COLUMNS,
        errors=errors or {},
        values=request.form,
    )


def _since(text: str) -> datetime | None:
    """Return the start of the day (UTC) that a date field holds."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidInputError("since", _("Use a date, as 2026-03-01.")) from None


def _import_page(
    *,
    report: ImportReport | None = None,
    name: str = "",
    is_trial: bool = False,
    error: str | None = None,
) -> str:
    return render_template(
        "admin/import.html",
        report=report,
        name=name,
        is_trial=is_trial,
        errors={"file": error} if error else {},
        shown=report.problems[:SHOWN_PROBLEMS] if report else [],
        problems_file=_problems_file(report) if report and report.problems else None,
    )


def _problems_file(report: ImportReport) -> str:
    """Return the rows that were not taken as a CSV file, in an address that is the file itself."""
    lines = [csv_line(["line", "column", "problem"])]
    lines += [csv_line([str(each.line), each.column, each.message]) for each in report.problems]
    return f"data:text/csv;charset=utf-8;base64,{b64encode(''.join(lines).encode()).decode()}"
