"""`/v1/lists`: mailing lists."""

from typing import Any

from service.domain.access.roles import Role
from service.domain.errors import UnknownListError
from service.domain.lists.mailing_list import ListInfo
from service.schemas.lists import ListChangesSchema, ListSchema, ListsSchema, NewListSchema
from service.web.http.auth import actor, current_key, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

lists_api = JsonBlueprint("lists", __name__, url_prefix="/v1/lists", description="Mailing lists")


@lists_api.get("")
@requires(Role.ADMIN, Role.EXPORT)
@lists_api.response(200, ListsSchema)
def lists() -> dict[str, Any]:
    """List mailing lists. A key for some lists sees only those."""
    scope = current_key().list_ids
    return {"lists": [each for each in services().lists.all() if scope is None or each.id in scope]}


@lists_api.post("")
@requires(Role.ADMIN)
@lists_api.arguments(NewListSchema)
@lists_api.response(201, ListSchema)
@lists_api.alt_response(409, description="A list with this slug exists.")
def create_list(data: dict[str, Any]) -> ListInfo:
    """Create a mailing list."""
    return services().lists.create(**data, actor=actor())


@lists_api.get("/<slug>")
@requires(Role.ADMIN, Role.EXPORT)
@lists_api.response(200, ListSchema)
@lists_api.alt_response(404, description="There is no such list.")
def mailing_list(slug: str) -> ListInfo:
    """Show a mailing list."""
    found = services().lists.get(slug)
    scope = current_key().list_ids
    if scope is not None and found.id not in scope:
        raise UnknownListError(slug)
    return found


@lists_api.patch("/<slug>")
@requires(Role.ADMIN)
@lists_api.arguments(ListChangesSchema)
@lists_api.response(200, ListSchema)
@lists_api.alt_response(404, description="There is no such list.")
@lists_api.alt_response(409, description="There would be no default list.")
def change_list(data: dict[str, Any], slug: str) -> ListInfo:
    """Change a mailing list. Other processes use the change within two seconds."""
    return services().lists.update(slug, data, actor=actor())
