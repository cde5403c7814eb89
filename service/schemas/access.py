"""API keys, and the log of what was done with them."""

from dataclasses import asdict
from typing import Any

from marshmallow import Schema, fields, validate

from service.domain.access.roles import Role
from service.schemas.fields import SLUG, Moment, described
from service.usecases.access.keys import Keys


class NewKeySchema(Schema):
    """A new API key."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=64))
    role = fields.Enum(Role, by_value=True, required=True)
    lists = fields.List(
        fields.String(**SLUG),
        validate=validate.Length(max=100),
        **described("The lists that it is for. Empty: all. Not for `admin`."),
    )
    expires_at = Moment(**described("When it expires."))


class CreatedKeySchema(NewKeySchema):
    """A new key, shown only once."""

    key = fields.String()


class KeySchema(Schema):
    """A key, without its secret."""

    id = fields.UUID()
    name = fields.String()
    role = fields.Enum(Role, by_value=True)
    created_at = fields.AwareDateTime()
    last_used_at = fields.AwareDateTime(allow_none=True)
    revoked_at = fields.AwareDateTime(allow_none=True)
    expires_at = fields.AwareDateTime(allow_none=True)
    lists = fields.List(fields.String(), allow_none=True, **described("Null: all."))


class KeysSchema(Schema):
    """Every key, revoked ones too, oldest first."""

    keys = fields.List(fields.Nested(KeySchema))


def keys_data(found: Keys) -> dict[str, Any]:
    """Return every key as `KeysSchema` dumps it."""
    return {"keys": [{**asdict(info), "lists": found.slugs_of(info)} for info in found.all()]}


class AuditEntrySchema(Schema):
    """What an administrator did."""

    id = fields.UUID()
    at = fields.AwareDateTime()
    actor = fields.String()
    action = fields.String()
    target = fields.String(allow_none=True)
    detail = fields.Dict(allow_none=True)


class AuditSchema(Schema):
    """A page of the audit log, newest first."""

    entries = fields.List(fields.Nested(AuditEntrySchema), attribute="items")
    next_cursor = fields.String(allow_none=True)
