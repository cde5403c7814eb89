"""`/v1/keys`: API keys."""

from typing import Any

from service.domain.access.roles import Role
from service.schemas.access import CreatedKeySchema, KeysSchema, NewKeySchema, keys_data
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

keys_api = JsonBlueprint("keys", __name__, url_prefix="/v1/keys", description="API keys")


@keys_api.get("")
@requires(Role.ADMIN)
@keys_api.response(200, KeysSchema)
def keys() -> dict[str, Any]:
    """List keys."""
    return keys_data(services().keys)


@keys_api.post("")
@requires(Role.ADMIN)
@keys_api.arguments(NewKeySchema)
@keys_api.response(201, CreatedKeySchema, headers={"Cache-Control": {"schema": {"type": "string"}}})
@keys_api.alt_response(404, description="There is no such list.")
@keys_api.alt_response(409, description="A key with this name exists.")
def create_key(data: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Create a key. It is shown only once, in this response."""
    key = services().keys.create(**data, actor=actor())
    return {**data, "key": key}, 201, {"Cache-Control": "no-store"}


@keys_api.delete("/<name>")
@requires(Role.ADMIN)
@keys_api.response(204)
@keys_api.alt_response(404, description="There is no key with this name.")
def revoke_key(name: str) -> None:
    """Revoke a key (idempotent). It stops working everywhere within seconds."""
    services().keys.revoke(name, actor=actor())
