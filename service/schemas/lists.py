"""Mailing lists, and the words that people agree to."""

from marshmallow import Schema, fields, validate

from service.domain.lists.consent_text import MAX_TEXT_LENGTH
from service.schemas.fields import LOCALE, SLUG, JsonBoolean, described


class ListChangesSchema(Schema):
    """Fields of a mailing list that may be set."""

    name = fields.String(validate=validate.Length(min=1, max=200))
    description = fields.String(validate=validate.Length(max=2000))
    controller = fields.String(
        validate=validate.Length(max=500),
        **described("Organisation responsible (data controller)."),
    )
    privacy_url = fields.String(validate=validate.Length(max=2000))
    sender = fields.String(
        allow_none=True, validate=validate.Length(max=320), **described("Name <address@domain>.")
    )
    origins = fields.List(
        fields.String(validate=validate.Length(max=300)),
        validate=validate.Length(max=100),
        **described("Websites that may use the form on their pages. Empty: all."),
    )
    redirect_url = fields.String(allow_none=True, validate=validate.Length(max=2000))
    locale = fields.String(validate=LOCALE)
    is_default = JsonBoolean()


class NewListSchema(ListChangesSchema):
    """A new mailing list."""

    slug = fields.String(required=True, **SLUG)
    name = fields.String(required=True, validate=validate.Length(min=1, max=200))


class ListSchema(NewListSchema):
    """A mailing list."""

    id = fields.UUID(dump_only=True)


class ListsSchema(Schema):
    """Every mailing list, by slug."""

    lists = fields.List(fields.Nested(ListSchema))


class ConsentTextCreateSchema(Schema):
    """The next version of a list's text in one language."""

    text = fields.String(required=True, validate=validate.Length(min=1, max=MAX_TEXT_LENGTH))
    locale = fields.String(
        validate=LOCALE,
        metadata={"description": "Its language, a BCP 47 tag. Default: the list's."},
    )


class ConsentTextSchema(Schema):
    """A version. It never changes; exports name it as `consent_text_version`."""

    version = fields.String(metadata={"description": "Numbered within the list, across languages."})
    locale = fields.String()
    text = fields.String()
    created_at = fields.AwareDateTime()


class ConsentTextsSchema(Schema):
    """The list's own texts, oldest first."""

    consent_texts = fields.List(fields.Nested(ConsentTextSchema))
