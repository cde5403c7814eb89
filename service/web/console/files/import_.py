"""Import: subscriptions from a file, and the result of each row."""

from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

from flask import Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from service.domain.errors import InvalidInputError, UnknownListError
from service.domain.files.columns import Choice
from service.domain.files.exchange import FileFormat
from service.front.limits import LaneName
from service.usecases.files.import_report import ImportReport, problems_file
from service.usecases.files.import_subscribers import MAILS_AN_HOUR, ImportOptions
from service.web.api.files import MAX_FILE_BYTES, row_report
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.files.import_columns import chosen_columns, columns_page, may_show_columns
from service.web.console.files.import_progress import LINES, lines_of
from service.web.http.context import services
from service.web.middleware.lanes import takes_long

SHOWN_PROBLEMS = 50
FORM_MEMORY_BYTES = 512 * 1024
"""What reading a form with a file holds in memory: several of the blocks that it is read in."""
MAX_FORM_PARTS = 10_000
"""Fields of a form: a choice for each column, and for each word of a status."""


@admin_pages.before_request
def take_long_files() -> None:
    """Let an import be as long as it is: a form's file lies on disk and is read line by line."""
    if request.endpoint in ("admin.start_import", "admin.show_columns"):
        request.max_content_length = MAX_FILE_BYTES
        request.max_form_parts = MAX_FORM_PARTS
        request.max_form_memory_size = FORM_MEMORY_BYTES


@admin_pages.get("/import")
@signed_in
def import_() -> ResponseReturnValue:
    """Ask for a file."""
    return _page()


@admin_pages.post("/import")
@signed_in
@takes_long(LaneName.IMPORTS)
def start_import() -> ResponseReturnValue:
    """Import the file, or do a dry run; 422 where none was read.

    The answer is a page of counts and first problems, or a CSV file that lists every row, or the
    page of columns where somebody has to say what one is. A browser that takes lines of JSON sees
    the progress meanwhile (`import_progress.py`).
    """
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(error=_("Choose a file.")), 422
    is_json = file.filename.lower().endswith((".ndjson", ".jsonl", ".json"))
    stream = file.stream
    file.stream = BytesIO()  # the request would close it before the end
    sent = FileStorage(stream, filename=file.filename)
    chosen = chosen_columns(request.form)
    step = _Step(file=sent, form=request.form, chosen=chosen, is_json=is_json)
    run = partial(
        services().import_,
        stream,
        format=FileFormat.NDJSON if is_json else FileFormat.CSV,
        actor=actor(),
        options=ImportOptions(
            list=request.form.get("list") or None,
            left="left" in request.form,
            dry_run="try" in request.form,
            columns=chosen,
        ),
    )
    wants_rows = "rows" in request.form
    if request.accept_mimetypes.best == LINES:
        lines = stream_with_context(lines_of(run, wants_rows=wants_rows, page=step.page))
        answer = Response(lines, mimetype=LINES, headers={"X-Accel-Buffering": "no"})
        answer.call_on_close(stream.close)
        return answer
    with closing(stream):
        try:
            return row_report(run) if wants_rows else step.page(run())
        except InvalidInputError as error:
            return step.page(error), 422


@admin_pages.post("/import/columns")
@signed_in
def show_columns() -> ResponseReturnValue:
    """Show what the columns of a file are taken for, with a choice for each; import nothing."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return _page(error=_("Choose a file.")), 422
    try:
        return columns_page(file, form=request.form, chosen=chosen_columns(request.form))
    except InvalidInputError as error:
        return _page(error=str(error)), 422


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What was sent, and the page that answers it."""

    file: FileStorage
    form: Mapping[str, str]
    chosen: Mapping[str, Choice]
    is_json: bool

    def page(self, outcome: ImportReport | Exception) -> str:
        """Render the results of the import."""
        if isinstance(outcome, ImportReport):
            result = _result(
                outcome,
                name=self.file.filename or "",
                is_trial="try" in self.form,
                have_left="left" in self.form,
            )
            # After a dry run the choices are still wanted.
            return (
                self._columns(**result) if self.chosen and result["is_trial"] else _page(**result)
            )
        if isinstance(outcome, UnknownListError):
            return _page(error=_("This list was deleted. Choose another one."))
        if may_show_columns(outcome) and not self.is_json:
            try:
                return self._columns(error=outcome)
            except InvalidInputError as error:
                outcome = error
        return _page(error=str(outcome))

    def _columns(self, **shown: Any) -> str:
        return columns_page(self.file, form=self.form, chosen=self.chosen, **shown)


def _page(*, error: str | None = None, **result: Any) -> str:
    return render_template(
        "admin/files/import.html",
        lists=services().lists.all(),
        mails_an_hour=MAILS_AN_HOUR,
        errors={"file": error} if error else {},
        **result,
    )


def _result(report: ImportReport, *, name: str, is_trial: bool, have_left: bool) -> dict[str, Any]:
    """Return what the pages show of an import."""
    return {
        "report": report,
        "name": name,
        "is_trial": is_trial,
        "have_left": have_left,
        "shown": report.problems[:SHOWN_PROBLEMS],
        "shown_notes": report.notes[:SHOWN_PROBLEMS],
        "problems_file": _problems_file(report) if report.problems else None,
    }


def _problems_file(report: ImportReport) -> str:
    """Return the rows that were not taken as a CSV file, in an address that is the file itself."""
    return (
        f"data:text/csv;charset=utf-8;base64,{b64encode(problems_file(report).encode()).decode()}"
    )
