"""Proof of consent, for administrators, and the public key that it is checked with."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, jsonify

from service.domain.access.roles import Role
from service.schemas.ledger import ReceiptQuerySchema
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint
from service.web.http.security import keep_private

KEYS_SECONDS = 3600

receipts_api = JsonBlueprint(
    "receipts",
    __name__,
    url_prefix="/v1/subscribers",
    description="Signed proof of what a person agreed to (docs/ledger.md)",
)
receipt_keys = Blueprint("receipt_keys", __name__)


@receipts_api.get("/<uuid:subscriber_id>/receipt")
@requires(Role.ADMIN)
@receipts_api.arguments(ReceiptQuerySchema, location="query")
@receipts_api.response(
    200, {"type": "object"}, description="The receipt, as docs/ledger.md describes."
)
@receipts_api.alt_response(404, description="There is no such subscriber.")
def receipt(query: dict[str, Any], subscriber_id: UUID) -> Response:
    """Return a person's signed consent receipt.

    `newsflash receipts verify` checks it offline, with the key that is published under
    `/.well-known/newsflash-receipts.json`. One receipt contains up to 200 events; its `next_cursor`
    leads to the next.
    """
    keep_private()
    found = services().receipts.by_subscriber(
        subscriber_id, actor=actor(), cursor=query.get("cursor")
    )
    return jsonify(found)


@receipt_keys.get("/.well-known/newsflash-receipts.json")
def public_keys() -> Response:
    """Publish the public key of receipts: a JWK Set (RFC 7517), Ed25519 (RFC 8037)."""
    answer = jsonify(services().receipts.public_keys())
    answer.content_type = "application/jwk-set+json"
    answer.headers["Cache-Control"] = f"public, max-age={KEYS_SECONDS}"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer
