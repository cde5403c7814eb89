"""`/v1/subscribers/export` and `…/import`: subscriptions as files, streamed both ways."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import Any

import structlog
from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wsgi import FileWrapper

from service.clock import utc_now
from service.domain.access.roles import Role
from service.domain.files.exchange import MEDIA_TYPES, FileFormat
from service.domain.files.mapping import parse_mapping
from service.front.limits import LaneName
from service.log import error_fields
from service.schemas.files import ExportQuerySchema, ImportQuerySchema, ImportReportSchema
from service.usecases.files.export import ExportRequest, ExportStream
from service.usecases.files.import_report import (
    REPORT_HEADER,
    ImportReport,
    header_line,
    report_line,
)
from service.usecases.files.import_subscribers import ImportOptions
from service.web.http.auth import actor, current_key, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint
from service.web.middleware.lanes import takes_long

MAX_FILE_BYTES = 1 << 40
"""A file is read line by line, so it may be as large as patience allows."""

_FORMATS = {"text/csv": FileFormat.CSV, "application/x-ndjson": FileFormat.NDJSON}
_ZIP = "application/zip"
# None is well-formed where the file ends with it, so no reader takes the file for whole.
_BROKEN_OFF = {
    FileFormat.CSV: b'"This export stopped here: the file is incomplete.',
    FileFormat.NDJSON: b'{"error": "This export stopped here: the file is incomplete."',
    FileFormat.XLSX: b"This export stopped here: the file is incomplete.",
}
_log = structlog.get_logger(__name__)
_BODY = {name: {"schema": {"type": "string"}} for name in _FORMATS}
_FILE = _BODY | {MEDIA_TYPES[FileFormat.XLSX]: {"schema": {"type": "string", "format": "binary"}}}
_IMPORTED = _BODY | {_ZIP: {"schema": {"type": "string", "format": "binary"}}}
REPORT_IN_MEMORY_BYTES = 1 << 20
EXPORT_ID = "Newsflash-Export"
"""The header that names an export, so that its manifest can be read afterwards."""


class ExportBody(Iterator[bytes]):
    """The file as an answer's body. If the query fails in the middle, the last line says so.

    A server may end the answer as if it were complete, because its status has already been sent.
    """

    def __init__(self, stream: ExportStream, format_: FileFormat) -> None:
        self._stream = stream
        self._format = format_
        self._has_failed = False

    def __next__(self) -> bytes:
        if self._has_failed:
            raise RuntimeError("the export stopped")
        try:
            return next(self._stream)
        except StopIteration:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the file must not look whole
            # The message may hold a row: only the kind is logged.
            _log.error("export stopped", **error_fields(error))
            self._has_failed = True
            return _BROKEN_OFF[self._format]

    def close(self) -> None:
        """End the query, also where the client has gone away."""
        self._stream.close()


files_api = JsonBlueprint(
    "files",
    __name__,
    url_prefix="/v1/subscribers",
    description="Export and import of subscriptions",
)


@files_api.get("/export")
@requires(Role.EXPORT)
@files_api.arguments(ExportQuerySchema, location="query")
@files_api.doc(
    responses={
        200: {
            "description": "The file, streamed.",
            "content": _FILE,
            "headers": {
                EXPORT_ID: {
                    "description": "The export's id: `GET /v1/exports/<id>` is its manifest.",
                    "schema": {"type": "string", "format": "uuid"},
                }
            },
        }
    }
)
@files_api.alt_response(404, description="There is no such list.")
@takes_long(LaneName.EXPORTS)
def export(query: dict[str, Any]) -> Response:
    """Export subscriptions, one per row.

    Streamed from one snapshot. If it stops early, its last line says so and is not well-formed.
    Formula-like cells are prefixed with an apostrophe, which an import removes. With `since`,
    erased people have rows with only `id` and `erased_at`.
    """
    names = query.pop("columns", "")
    stream = services().export(
        ExportRequest(
            **query,
            scope=current_key().list_ids,
            columns=tuple(name.strip() for name in names.split(",") if name.strip()),
        ),
        actor=actor(),
    )
    return exported_file(stream, format_=query["format"], slug=query.get("list"))


def exported_file(stream: ExportStream, *, format_: FileFormat, slug: str | None) -> Response:
    """Answer with an export as a file that is named after its list and day."""
    name = f"{slug or 'subscribers'}-{utc_now():%Y-%m-%d}.{format_}"
    return Response(
        ExportBody(stream, format_),
        content_type=MEDIA_TYPES[format_],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            EXPORT_ID: str(stream.id),
        },
    )


@files_api.post("/import")
@requires(Role.ADMIN)
@files_api.arguments(ImportQuerySchema, location="query")
@files_api.doc(requestBody={"required": True, "content": _IMPORTED})
@files_api.response(200, ImportReportSchema)
@files_api.alt_response(404, description="There is no such list.")
@files_api.alt_response(415, description="The body is not CSV, NDJSON or ZIP.")
@files_api.alt_response(422, description="The file cannot be imported. Nothing was changed.")
@takes_long(LaneName.IMPORTS)
def import_file(query: dict[str, Any]) -> ImportReport | Response:
    """Import subscriptions (idempotent).

    The file is an export of this service, or CSV of a tool, recognised by its columns; otherwise
    `map` says what the columns are. A ZIP archive contains one such file, or a Mailchimp export, in
    which each file has its own meaning. The report names the tool and the columns that were left
    out. Invalid rows are listed by line; valid ones are imported. Rows with the status `confirmed`
    but without time and source of the consent become `pending`, and the person gets a confirmation
    email, so many per hour; `pending` rows get no email. An import never brings back people who
    unsubscribed or are suppressed.

    With `report=csv` the answer is a CSV file with the result of every row.
    """
    format_ = (_FORMATS | {_ZIP: FileFormat.CSV}).get(request.mimetype)
    if format_ is None:
        raise UnsupportedMediaType
    request.max_content_length = MAX_FILE_BYTES
    wants_rows = query.pop("report") == "csv"
    unknown = query.pop("unknown_columns", None)
    columns = parse_mapping(query.pop("map", ()), query.pop("meaning", ()))
    run = partial(
        services().import_,
        request.stream,
        format=format_,
        actor=actor(),
        options=ImportOptions(**query, unknown=unknown, columns=columns),
    )
    return row_report(run) if wants_rows else run()


def row_report(run: Callable[..., ImportReport]) -> Response:
    """Import, and answer with every row; beyond a megabyte they wait on disk."""
    with ExitStack() as stack:
        rows = stack.enter_context(SpooledTemporaryFile(REPORT_IN_MEMORY_BYTES, "w+b"))
        rows.write(REPORT_HEADER.encode())
        run(
            listener=lambda result: rows.write(report_line(result).encode()),
            opened=lambda report: rows.write(header_line(report).encode()),
        )
        close = stack.pop_all().close
    rows.seek(0)
    answer = Response(
        FileWrapper(rows),
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": 'attachment; filename="import-report.csv"'},
    )
    answer.call_on_close(close)
    return answer
