"""Signups held for review, for administrators."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from service.domain.access.roles import Role
from service.domain.signup.risk import Reason
from service.usecases.signup.held import HeldView
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

MAX_PAGE = 200

held_api = JsonBlueprint(
    "held", __name__, url_prefix="/v1/held", description="Signups held for review"
)


class HeldPageSchema(Schema):
    """Which held signups."""

    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=MAX_PAGE))
    cursor = fields.UUID(metadata={"description": "`next_cursor` of the page before."})


class HeldSchema(Schema):
    """A signup of high risk, as it was asked for."""

    id = fields.UUID()
    email = fields.String()
    lists = fields.List(fields.String())
    name = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    source = fields.String(allow_none=True)
    ip = fields.String(allow_none=True, metadata={"description": "As `CONSENT_IP` lets it be."})
    requested_at = fields.AwareDateTime()
    score = fields.Integer()
    reasons = fields.List(fields.Enum(Reason, by_value=True))


class HeldListSchema(Schema):
    """A page of held signups, newest first."""

    held = fields.List(fields.Nested(HeldSchema))
    next_cursor = fields.UUID(allow_none=True)


@held_api.get("")
@requires(Role.ADMIN)
@held_api.arguments(HeldPageSchema, location="query")
@held_api.response(200, HeldListSchema)
def held(page: dict[str, Any]) -> dict[str, Any]:
    """List signups held for review, newest first; each is forgotten after 30 days."""
    limit = page["limit"]
    found = services().held.page(limit=limit, before=page.get("cursor"))
    return page_data(found, limit=limit)


@held_api.post("/<uuid:held_id>/release")
@requires(Role.ADMIN)
@held_api.response(204)
@held_api.alt_response(404, description="There is no such held signup.")
@held_api.alt_response(409, description="Its lists are no more.")
def release(held_id: UUID) -> None:
    """Take the signup as if it were made now: the person gets the mail to confirm."""
    services().held.release(held_id, actor=actor())


@held_api.post("/<uuid:held_id>/drop")
@requires(Role.ADMIN)
@held_api.response(204)
@held_api.alt_response(404, description="There is no such held signup.")
def drop(held_id: UUID) -> None:
    """Forget the signup."""
    services().held.drop(held_id, actor=actor())


def page_data(found: Sequence[HeldView], *, limit: int) -> dict[str, Any]:
    """Return a page of so many as `HeldListSchema` dumps it."""
    return {
        "held": [_shown(view) for view in found],
        "next_cursor": found[-1].held.signup.message_id if len(found) == limit else None,
    }


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
