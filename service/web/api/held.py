"""Signups held for review, for administrators."""

from typing import Any
from uuid import UUID

from service.domain.access.roles import Role
from service.schemas.paging import PageSchema
from service.schemas.signup import HeldListSchema, held_data
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

held_api = JsonBlueprint(
    "held", __name__, url_prefix="/v1/held", description="Signups held for review"
)


@held_api.get("")
@requires(Role.ADMIN)
@held_api.arguments(PageSchema, location="query")
@held_api.response(200, HeldListSchema)
def held(page: dict[str, Any]) -> dict[str, Any]:
    """List signups held for review, newest first. Each is deleted after 30 days."""
    return held_data(services().held.page(**page))


@held_api.post("/<uuid:held_id>/release")
@requires(Role.ADMIN)
@held_api.response(204)
@held_api.alt_response(404, description="There is no such held signup.")
@held_api.alt_response(409, description="Its lists were deleted.")
def release(held_id: UUID) -> None:
    """Approve a signup: the person gets the confirmation email."""
    services().held.release(held_id, actor=actor())


@held_api.post("/<uuid:held_id>/drop")
@requires(Role.ADMIN)
@held_api.response(204)
@held_api.alt_response(404, description="There is no such held signup.")
def drop(held_id: UUID) -> None:
    """Discard the signup."""
    services().held.drop(held_id, actor=actor())
