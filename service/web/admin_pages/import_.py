"""Import: subscriptions from a file, and what became of its rows."""

from base64 import b64encode
from contextlib import closing
from functools import partial
from io import BytesIO

from flask import Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.exchange import FileFormat, csv_line
from service.usecases.import_ import MAILS_AN_HOUR, ImportOptions
from service.usecases.import_report import ImportReport
from service.web.admin.files import MAX_FILE_BYTES, row_report
from service.web.admin_pages import admin_pages
from service.web.admin_pages.import_progress import LINES, lines_of
from service.web.admin_pages.session import actor, signed_in
from service.web.context import usecases

SHOWN_PROBLEMS = 50
FORM_MEMORY_BYTES = 512 * 1024
"""What reading a form with a file holds in memory: several of the blocks that it is read in."""


@admin_pages.before_request
def take_long_files() -> None:
    """Let an import be as long as it is: a form's file lies on disk and is read line by line."""
    if request.endpoint == "admin.start_import":
        request.max_content_length = MAX_FILE_BYTES
        request.max_form_memory_size = FORM_MEMORY_BYTES


@admin_pages.get("/import")
@signed_in
def import_() -> ResponseReturnValue:
    """Ask for a file."""
    return _page()


@admin_pages.post("/import")
@signed_in
def start_import() -> ResponseReturnValue:
    """Import the file, or only try to; 422 where none was read.

    The answer is a page of counts and first problems, or a CSV file that tells of every row. A
    browser that takes lines of JSON is told how far it is meanwhile (`import_progress.py`).
    """
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(error=_("Choose a file.")), 422
    is_json = file.filename.lower().endswith((".ndjson", ".jsonl", ".json"))
    is_trial, have_left = "try" in request.form, "left" in request.form
    stream, file.stream = file.stream, BytesIO()  # the request would close it before the end
    run = partial(
        usecases().import_,
        stream,
        format=FileFormat.NDJSON if is_json else FileFormat.CSV,
        actor=actor(),
        options=ImportOptions(
            list=request.form.get("list") or None, left=have_left, dry_run=is_trial
        ),
    )
    wants_rows = "rows" in request.form
    page = partial(_result, name=file.filename, is_trial=is_trial, have_left=have_left)
    if request.accept_mimetypes.best == LINES:
        lines = stream_with_context(lines_of(run, wants_rows=wants_rows, page=page))
        answer = Response(lines, mimetype=LINES, headers={"X-Accel-Buffering": "no"})
        answer.call_on_close(stream.close)
        return answer
    with closing(stream):
        try:
            return row_report(run) if wants_rows else page(run())
        except InvalidInputError as error:
            return page(error), 422


def _result(
    outcome: ImportReport | Exception, *, name: str, is_trial: bool, have_left: bool
) -> str:
    if isinstance(outcome, ImportReport):
        return _page(report=outcome, name=name, is_trial=is_trial, have_left=have_left)
    if isinstance(outcome, UnknownListError):
        return _page(error=_("The list is no more; choose another one."))
    return _page(error=str(outcome))


def _page(
    *,
    report: ImportReport | None = None,
    name: str = "",
    is_trial: bool = False,
    have_left: bool = False,
    error: str | None = None,
) -> str:
    return render_template(
        "admin/import.html",
        lists=usecases().lists.all(),
        mails_an_hour=MAILS_AN_HOUR,
        report=report,
        name=name,
        is_trial=is_trial,
        have_left=have_left,
        errors={"file": error} if error else {},
        shown=report.problems[:SHOWN_PROBLEMS] if report else [],
        problems_file=_problems_file(report) if report and report.problems else None,
    )


def _problems_file(report: ImportReport) -> str:
    """Return the rows that were not taken as a CSV file, in an address that is the file itself."""
    lines = [csv_line(["line", "column", "problem"])]
    lines += [csv_line([str(each.line), each.column, each.message]) for each in report.problems]
    return f"data:text/csv;charset=utf-8;base64,{b64encode(''.join(lines).encode()).decode()}"
