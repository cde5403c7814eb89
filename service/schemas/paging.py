"""Which page of a list, and how long one may be."""

from marshmallow import Schema, fields, validate

from service.schemas.fields import described

MAX_PAGE = 200


class PageSchema(Schema):
    """Which page."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    cursor = fields.String(
        validate=validate.Length(min=1, max=200), **described("`next_cursor` of the page before.")
    )
