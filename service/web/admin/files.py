"""`/v1/subscribers/export` and `…/import`: subscriptions as files, streamed both ways."""

from typing import Any

from flask import Response, request
from werkzeug.exceptions import UnsupportedMediaType

from service.clock import utc_now
from service.domain.access import Role
from service.domain.exchange import FileFormat
from service.usecases.export import ExportRequest
from service.usecases.import_ import ImportReport
from service.web.admin.schemas import ExportQuerySchema, ImportReportSchema
from service.web.auth import actor, requires
from service.web.context import usecases
from service.web.json_body import JsonBlueprint

MAX_FILE_BYTES = 1 << 40
"""A file is read line by line, so it may be as large as patience allows."""

MEDIA_TYPES = {
    FileFormat.CSV: "text/csv; charset=utf-8; header=present",
    FileFormat.NDJSON: "application/x-ndjson",
}
_FORMATS = {"text/csv": FileFormat.CSV, "application/x-ndjson": FileFormat.NDJSON}
_BODY = {name: {"schema": {"type": "string"}} for name in _FORMATS}

files_api = JsonBlueprint(
    "files", __name__, url_prefix="/v1/subscribers", description="Subscriptions as files"
)


@files_api.get("/export")
@requires(Role.EXPORT)
@files_api.arguments(ExportQuerySchema, location="query")
@files_api.doc(responses={200: {"description": "The file, streamed.", "content": _BODY}})
@files_api.alt_response(404, description="There is no such list.")
def export(query: dict[str, Any]) -> Response:
    """Export subscriptions, one a row.

    Streamed from one snapshot. A connection that breaks off before its end was not a whole file.
    Cells that a spreadsheet would run begin with an apostrophe, which an import takes back.
    """
    stream = usecases().export(
        ExportRequest(
            format=query["format"],
            list=query.get("list"),
            status=query.get("status"),
            columns=tuple(
                name.strip() for name in query.get("columns", "").split(",") if name.strip()
            ),
            since=query.get("since"),
        ),
        actor=actor(),
    )
    name = f"{query.get('list') or 'subscribers'}-{utc_now():%Y-%m-%d}.{query['format']}"
    return Response(
        stream,
        content_type=MEDIA_TYPES[query["format"]],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


@files_api.post("/import")
@requires(Role.ADMIN)
@files_api.doc(requestBody={"required": True, "content": _BODY})
@files_api.response(200, ImportReportSchema)
@files_api.alt_response(415, description="The body is neither CSV nor NDJSON.")
@files_api.alt_response(422, description="The file as a whole is not usable; nothing was taken.")
def import_file() -> ImportReport:
    """Import subscriptions from a file of the export's form; again changes nothing.

    Bad rows are told by their line and do not hold up good ones. Rows with the status `confirmed`
    must bring when and where; `pending` ones are not mailed. Nobody who has left or is suppressed
    comes back.
    """
    format_ = _FORMATS.get(request.mimetype)
    if format_ is None:
        raise UnsupportedMediaType
    request.max_content_length = MAX_FILE_BYTES
    return usecases().import_(request.stream, format=format_, actor=actor())
