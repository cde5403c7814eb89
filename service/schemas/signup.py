"""Signing up, and signups held for review."""

from typing import Any

from marshmallow import Schema, fields, validate

from service.domain.address import MAX_LENGTH
from service.domain.signup.risk import Reason
from service.domain.subscription import MAX_LISTS, MAX_NAME_LENGTH, MAX_SOURCE_LENGTH
from service.schemas.fields import LOCALE, SLUG
from service.usecases.paging import Page
from service.usecases.signup.held import HeldView


class SignupSchema(Schema):
    """A signup. `website` is a honeypot for bots: people never see it, so it stays empty."""

    email = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_LENGTH),
        metadata={"description": "The address, as the person typed it.", "format": "email"},
    )
    lists = fields.List(
        fields.String(**SLUG),
        validate=validate.Length(min=1, max=MAX_LISTS),
        metadata={"description": "Slugs of mailing lists. Default: the default list."},
    )
    locale = fields.String(
        validate=LOCALE,
        metadata={"description": "Language of the emails, a BCP 47 tag."},
    )
    name = fields.String(validate=validate.Length(max=MAX_NAME_LENGTH))
    attributes = fields.Dict(
        keys=fields.String(validate=validate.Length(min=1, max=64)),
        values=fields.Raw(),
        validate=validate.Length(max=50),
        metadata={"description": "Further data of your site: at most 50 names, 10 kB in all."},
    )
    source = fields.String(
        validate=validate.Length(max=MAX_SOURCE_LENGTH),
        metadata={"description": "The form or page of the signup, kept as evidence."},
    )
    website = fields.String(
        validate=validate.Length(max=500),
        metadata={"description": "A honeypot for bots. Leave it empty."},
    )


class SignupAcceptedSchema(Schema):
    """The answer to every valid signup, whatever was there before."""

    status = fields.String(validate=validate.Equal("pending"))
    status_url = fields.String(metadata={"format": "uri"})


class HeldSchema(Schema):
    """A signup with a high risk score."""

    id = fields.UUID()
    email = fields.String()
    lists = fields.List(fields.String())
    name = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    source = fields.String(allow_none=True)
    ip = fields.String(allow_none=True, metadata={"description": "As far as `CONSENT_IP` allows."})
    requested_at = fields.AwareDateTime()
    score = fields.Integer()
    reasons = fields.List(fields.Enum(Reason, by_value=True))


class HeldListSchema(Schema):
    """A page of held signups, newest first."""

    held = fields.List(fields.Nested(HeldSchema))
    next_cursor = fields.String(allow_none=True)


def held_data(page: Page[HeldView]) -> dict[str, Any]:
    """Return a page as `HeldListSchema` dumps it."""
    return {"held": [_shown(view) for view in page.items], "next_cursor": page.next_cursor}


def _shown(view: HeldView) -> dict[str, Any]:
    signup = view.held.signup
    return {
        "id": signup.message_id,
        "email": signup.address.typed,
        "lists": view.lists,
        "name": signup.name,
        "locale": signup.evidence.locale,
        "source": signup.evidence.source,
        "ip": signup.evidence.ip,
        "requested_at": signup.at,
        "score": view.held.risk.score,
        "reasons": view.held.risk.reasons,
    }
