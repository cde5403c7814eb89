"""Files of subscriptions, in and out."""

from typing import Any

from marshmallow import Schema, fields, post_dump, validate

from service.domain.files.columns import TARGETS, UnknownColumns
from service.domain.files.exchange import EXPORT_COLUMNS, EXTRA_COLUMNS, FileFormat
from service.domain.files.meanings import Meaning
from service.domain.files.presets import Preset
from service.domain.subscription import MAX_SOURCE_LENGTH, Status
from service.schemas.fields import LOCALE, SLUG, Moment, described
from service.usecases.files.export import MAX_PURPOSE_LENGTH
from service.usecases.files.import_subscribers import MAILS_AN_HOUR, MAX_MAILS_AN_HOUR


class ExportQuerySchema(Schema):
    """Which subscriptions, and in which format."""

    format = fields.Enum(FileFormat, by_value=True, load_default=FileFormat.CSV)
    list = fields.String(**SLUG, **described("Only this list."))
    status = fields.Enum(Status, by_value=True, **described("Default: all."))
    columns = fields.String(
        validate=validate.Length(max=500),
        **described(
            f"Column names, separated by commas: {', '.join(EXPORT_COLUMNS + EXTRA_COLUMNS)}."
        ),
    )
    since = Moment(
        **described(
            "Changed at this time or later, including people who unsubscribed or were erased."
        )
    )
    locale = fields.String(validate=LOCALE)
    source = fields.String(
        validate=validate.Length(min=1, max=MAX_SOURCE_LENGTH),
        **described("The page or form, exactly."),
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
        load_default=False, **described("Start CSV with a byte order mark, for spreadsheets.")
    )
    purpose = fields.String(
        validate=validate.Length(min=1, max=MAX_PURPOSE_LENGTH),
        **described("Purpose, recorded in the audit log."),
    )


class ManifestSchema(Schema):
    """What was exported. Null fields are filled in once the export is complete."""

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
    """How a file is imported."""

    dry_run = fields.Boolean(
        load_default=False, **described("Return the results without changing anything.")
    )
    list = fields.String(**SLUG, **described("List for rows without one."))
    left = fields.Boolean(
        load_default=False,
        **described("Everyone in this file has unsubscribed, whatever the row says."),
    )
    encoding = fields.String(
        validate=validate.Length(min=1, max=40), **described("Default: detected.")
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
        **described("Confirmation emails per hour to people without evidence of consent."),
    )
    report = fields.String(
        load_default="json",
        validate=validate.OneOf(["json", "csv"]),
        **described("`csv` returns the result of every row."),
    )


class RowProblemSchema(Schema):
    """Why a row was not imported, or what was left out of one."""

    file = fields.String(**described("The file's name, if an archive has several."))
    line = fields.Integer()
    column = fields.String(allow_none=True)
    message = fields.String()

    @post_dump
    def without_file(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave the file's name out where there is only one."""
        return {key: value for key, value in data.items() if key != "file" or value}


class ColumnUseSchema(Schema):
    """What a column of the file was imported as."""

    title = fields.String()
    taken_for = fields.String(allow_none=True, **described("Null if the column was left out."))


class ImportReportSchema(Schema):
    """The results of an import."""

    tool = fields.String(
        allow_none=True, **described("The tool that the file is from. Null: unknown.")
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
    skipped = fields.Integer(
        **described("Valid rows of people who unsubscribed or are suppressed.")
    )
    bad = fields.Integer()
    asked = fields.Integer(
        **described("Of the imported, those who get a confirmation email: no evidence of consent.")
    )
    noted = fields.Integer(
        **described("Rows that were imported although a cell had to be corrected or left out.")
    )
    problems = fields.List(
        fields.Nested(RowProblemSchema), **described("The first 1,000 skipped and invalid rows.")
    )
    notes = fields.List(
        fields.Nested(RowProblemSchema),
        **described("What was corrected or left out, the first 1,000."),
    )
