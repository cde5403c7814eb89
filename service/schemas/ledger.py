"""Proof of consent."""

from marshmallow import Schema

from service.schemas.paging import cursor_field


class ReceiptQuerySchema(Schema):
    """Which part of a long receipt."""

    cursor = cursor_field("receipt")
