"""Export: subscriptions as a file, and what was exported before."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from service.domain.errors import InvalidInputError
from service.domain.files.exchange import EXPORT_COLUMNS, EXTRA_COLUMNS, FileFormat
from service.domain.files.presets import Preset
from service.domain.subscription import Status
from service.front.limits import LaneName
from service.usecases.files.export import MAX_PURPOSE_LENGTH, ExportRequest
from service.web.api.files import exported_file
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import day_field, next_page
from service.web.http.context import services
from service.web.middleware.lanes import takes_long

SHOWN_EXPORTS = 20


@admin_pages.get("/export")
@signed_in
def export() -> ResponseReturnValue:
    """Ask what to export, and show what was exported before."""
    return _page()


@admin_pages.post("/export")
@signed_in
@takes_long(LaneName.EXPORTS)
def start_export() -> ResponseReturnValue:
    """Stream the file that was asked for. A POST, for each export is kept in the audit log."""
    try:
        asked = _asked()
        stream = services().export(asked, actor=actor())
    except InvalidInputError as error:
        return _page(errors={error.field: str(error)}), 422
    return exported_file(stream, format_=asked.format, slug=asked.list)


def _asked() -> ExportRequest:
    """Read the form; raise `InvalidInputError` for a date that is none."""
    form = request.form
    status, format_, preset = (form.get(name, "") for name in ("status", "format", "preset"))
    columns = tuple(form.getlist("columns"))
    return ExportRequest(
        format=FileFormat(format_) if format_ in set(FileFormat) else FileFormat.CSV,
        list=form.get("list") or None,
        status=Status(status) if status in set(Status) else None,
        # The usual ones are more for a file of changes: they are left to the use case.
        columns=() if columns == EXPORT_COLUMNS else columns,
        since=day_field("since"),
        preset=Preset(preset) if preset in set(Preset) else None,
        bom="bom" in form,
        purpose=" ".join(form.get("purpose", "").split()) or None,
    )


def _page(*, errors: dict[str, str] | None = None) -> str:
    cursor = request.args.get("cursor")
    page = services().exports.page(limit=SHOWN_EXPORTS, cursor=cursor)
    counts = services().metrics.subscriptions()
    lists = services().lists.all()
    return render_template(
        "admin/files/export.html",
        lists=lists,
        statuses=[status.value for status in Status],
        counts=[(info, [counts.get((info.slug, each), 0) for each in Status]) for info in lists],
        totals=[sum(counts.get((info.slug, each), 0) for info in lists) for each in Status],
        formats=[format_.value for format_ in FileFormat],
        presets=[(preset.value, preset.value.title()) for preset in Preset],
        columns=EXPORT_COLUMNS + EXTRA_COLUMNS,
        chosen=request.form.getlist("columns") if errors else EXPORT_COLUMNS,
        max_purpose=MAX_PURPOSE_LENGTH,
        errors=errors or {},
        values=request.form,
        manifests=page.items,
        older=next_page("admin.export", page),
    )
