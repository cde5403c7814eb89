"""Which page of a list, and how long one may be."""

from marshmallow import Schema, fields, validate

from service.schemas.fields import described
from service.usecases.paging import BAD_CURSOR

USUAL_PAGE = 50
MAX_PAGE = 200
MAX_CURSOR_LENGTH = 200


def cursor_field(what: str = "page") -> fields.String:
    """Return the field for the cursor that the page (or what is named) before gave."""
    return fields.String(
        validate=validate.Length(min=1, max=MAX_CURSOR_LENGTH, error=BAD_CURSOR),
        **described(f"`next_cursor` of the {what} before."),
    )


class PageSchema(Schema):
    """Which page."""

    limit = fields.Integer(load_default=USUAL_PAGE, validate=validate.Range(min=1, max=MAX_PAGE))
    cursor = cursor_field()
