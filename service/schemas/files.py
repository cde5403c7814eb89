"""Files of subscriptions, in and out."""

from typing import Any

from marshmallow import Schema, fields, post_dump, validate

from service.domain.files.columns import TARGETS, UnknownColumns
from service.domain.files.exchange import EXPORT_COLUMNS, EXTRA_COLUMNS, FileFormat
from service.domain.files.meanings import Meaning
from service.domain.files.presets import Preset
from service.domain.subscription import Status
from service.schemas.fields import LOCALE, SLUG, Moment, described
from service.usecases.files.export import MAX_PURPOSE_LENGTH
from service.usecases.files.import_subscribers import MAILS_AN_HOUR, MAX_MAILS_AN_HOUR


class ExportQuerySchema(Schema):
    """Which subscriptions, and how they are written."""

    format = fields.Enum(FileFormat, by_value=True, load_default=FileFormat.CSV)
    list = fields.String(**SLUG, **described("Only this list."))
    status = fields.Enum(Status, by_value=True, **described("All of them where left out."))
    columns = fields.String(
        validate=validate.Length(max=500),
        **described(
            f"Names with commas between, out of {', '.join(EXPORT_COLUMNS + EXTRA_COLUMNS)}."
        ),
    )
    since = Moment(
        **described("Only what has changed at this time or later, also who left or was erased.")
    )
    locale = fields.String(validate=LOCALE)
    source = fields.String(
        validate=validate.Length(min=1, max=500), **described("The page or form, exactly.")
    )
    requested_from = Moment(data_key="from", **described("Requested at this time or later."))
    requested_to = Moment(data_key="to", **described("Requested before this time."))
    preset = fields.Enum(
        Preset,
        by_value=True,
        **described(
            "Columns that this tool imports; of the confirmed, unless status says else. "
            "Suppressed addresses come with status unsubscribed only."
        ),
    )
    bom = fields.Boolean(
        load_default=False, **described("Begin CSV with a byte order mark, for spreadsheets.")
    )
    purpose = fields.String(
        validate=validate.Length(min=1, max=MAX_PURPOSE_LENGTH),
        **described("What the file is for; the audit log keeps it."),
    )


class ManifestSchema(Schema):
    """What an export was. What is null is not known while it is not complete."""

    id = fields.UUID()
    at = fields.AwareDateTime()
    actor = fields.String()
    is_complete = fields.Boolean()
    format = fields.String()
    preset = fields.String(allow_none=True)
    columns = fields.List(fields.String())
    filters = fields.Dict(keys=fields.String(), values=fields.String())
    purpose = fields.String(allow_none=True)
    rows = fields.Integer(allow_none=True)
    bytes = fields.Integer(allow_none=True)
    sha256 = fields.String(allow_none=True, **described("Of the file's bytes."))
    completed_at = fields.AwareDateTime(allow_none=True)


class ManifestsSchema(Schema):
    """A page of exports, newest first."""

    exports = fields.List(fields.Nested(ManifestSchema), attribute="items")
    next_cursor = fields.String(allow_none=True)


class ImportQuerySchema(Schema):
    """How a file is taken."""

    dry_run = fields.Boolean(
        load_default=False, **described("Say what would become of the rows; change nothing.")
    )
    list = fields.String(**SLUG, **described("The list of rows that name none."))
    left = fields.Boolean(
        load_default=False,
        **described("Take every row for one of somebody who left, whatever it says."),
    )
    encoding = fields.String(
        validate=validate.Length(min=1, max=40), **described("Told by the file where left out.")
    )
    # marshmallow has a setting of its own called `unknown`.
    unknown_columns = fields.Enum(
        UnknownColumns,
        by_value=True,
        data_key="unknown",
        **described(
            "What to do with columns without a known meaning: `refuse` the file, `ignore` them, or "
            "keep them as `attributes`. Where left out, they are refused, except in the file of a "
            "known tool, where they are ignored and named in the report. A column that may say "
            "who must not be emailed is always refused until `map` says what it is."
        ),
    )
    map = fields.List(
        fields.String(validate=validate.Length(min=1, max=500)),
        validate=validate.Length(max=50),
        **described(
            "What a column is, as TITLE:COLUMN, once for each column; or JSON: "
            '`{"TITLE": "COLUMN", "TITLE": {"column": "status", "words": {"WORD": "confirmed"}}}`. '
            f"Columns: {', '.join(TARGETS)}."
        ),
    )
    meaning = fields.List(
        fields.String(validate=validate.Length(min=1, max=500)),
        validate=validate.Length(max=50),
        **described(
            "What a word in a status column means, as TITLE:WORD:MEANING. "
            f"Meanings: {', '.join(Meaning)}."
        ),
    )
    mails_an_hour = fields.Integer(
        load_default=MAILS_AN_HOUR,
        validate=validate.Range(min=1, max=MAX_MAILS_AN_HOUR),
        **described("How fast those are asked who came without evidence."),
    )
    report = fields.String(
        load_default="json",
        validate=validate.OneOf(["json", "csv"]),
        **described("`csv` answers with a line for every row."),
    )


class RowProblemSchema(Schema):
    """Why a row was not taken, or what was left out of one."""

    file = fields.String(**described("The name of the file, of several in an archive."))
    line = fields.Integer()
    column = fields.String(allow_none=True)
    message = fields.String()

    @post_dump
    def without_file(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave the file's name out where there is only one."""
        return {key: value for key, value in data.items() if key != "file" or value}


class ColumnUseSchema(Schema):
    """What a column of the file was taken for."""

    title = fields.String()
    taken_for = fields.String(allow_none=True, **described("Null where the column was left out."))


class ImportReportSchema(Schema):
    """What became of the rows."""

    tool = fields.String(
        allow_none=True, **described("Whose file it was taken for. Null: of no known tool.")
    )
    columns = fields.List(
        fields.Nested(ColumnUseSchema), **described("In the file's order. Empty for NDJSON.")
    )
    left_out = fields.List(
        fields.String(), **described("The titles of the columns that were not imported.")
    )
    rows = fields.Integer()
    imported = fields.Integer(**described("New, or confirmed by the file's evidence."))
    unchanged = fields.Integer()
    skipped = fields.Integer(**described("Good rows of people who left or are suppressed."))
    bad = fields.Integer()
    asked = fields.Integer(
        **described("Of the imported, those whom a mail asks: nothing proved their consent.")
    )
    noted = fields.Integer(
        **described("Rows that were taken although a cell had to be cleaned or left out.")
    )
    problems = fields.List(
        fields.Nested(RowProblemSchema), **described("The first 1,000 skipped and bad rows.")
    )
    notes = fields.List(
        fields.Nested(RowProblemSchema),
        **described("What was cleaned or left out, the first 1,000."),
    )
