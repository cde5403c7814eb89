"""`/v1/suppressions`: addresses that are not to be mailed."""

from typing import Any

from service.domain.access.roles import Role
from service.domain.person import SuppressionInfo
from service.schemas.people import (
    LiftQuerySchema,
    NewSuppressionSchema,
    SuppressionSchema,
    SuppressionsQuerySchema,
    SuppressionsSchema,
)
from service.usecases.paging import Page
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

suppressions_api = JsonBlueprint(
    "suppressions",
    __name__,
    url_prefix="/v1/suppressions",
    description="Suppressed addresses",
)


@suppressions_api.get("")
@requires(Role.ADMIN)
@suppressions_api.arguments(SuppressionsQuerySchema, location="query")
@suppressions_api.response(200, SuppressionsSchema)
def suppressions(page: dict[str, Any]) -> Page[SuppressionInfo]:
    """List suppressions."""
    return services().suppressions.page(**page)


@suppressions_api.post("")
@requires(Role.ADMIN)
@suppressions_api.arguments(NewSuppressionSchema)
@suppressions_api.response(201, SuppressionSchema)
def add_suppression(data: dict[str, Any]) -> SuppressionInfo:
    """Suppress an address, for the reason `manual` (idempotent)."""
    return services().suppressions.add(data["email"], note=data["note"], actor=actor())


@suppressions_api.delete("/<address_hash>")
@requires(Role.ADMIN)
@suppressions_api.arguments(LiftQuerySchema, location="query")
@suppressions_api.response(204)
@suppressions_api.alt_response(404, description="The address is not suppressed for this reason.")
@suppressions_api.alt_response(409, description="The person was erased: this suppression stays.")
def lift_suppression(query: dict[str, Any], address_hash: str) -> None:
    """Remove a suppression. Others of the address, for another reason, stay."""
    services().suppressions.lift(address_hash, query["reason"], actor=actor())
