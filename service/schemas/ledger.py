"""Proof of consent."""

from marshmallow import Schema, fields


class ReceiptQuerySchema(Schema):
    """Which part of a long receipt."""

    cursor = fields.String(metadata={"description": "`next_cursor` of the receipt before."})
