"""The public JSON API: one call, to sign up."""

import json
from typing import Any

from service.domain.errors import InvalidInputError
from service.usecases.subscribe import SignupRequest
from service.web.context import evidence, usecases
from service.web.json_body import JsonBlueprint
from service.web.schemas import SignupAcceptedSchema, SignupSchema

MAX_ATTRIBUTES_BYTES = 10_000

api = JsonBlueprint("api", __name__, url_prefix="/v1", description="Signing up")


@api.post("/subscriptions")
@api.arguments(SignupSchema)
@api.response(202, SignupAcceptedSchema)
@api.alt_response(404, description="A list is unknown.")
@api.alt_response(413, description="The body is too large.")
@api.alt_response(415, description="The body is not JSON.")
@api.alt_response(503, description="Not taken; try again after `Retry-After`.")
def subscribe(data: dict[str, Any]) -> dict[str, str]:
    """Sign an address up; the person confirms by mail.

    The answer is the same for every valid address, whatever was there before. With 202 the signup
    and the mail it owes are committed.
    """
    attributes = data.get("attributes")
    if attributes and len(json.dumps(attributes)) > MAX_ATTRIBUTES_BYTES:
        raise InvalidInputError("attributes", f"At most {MAX_ATTRIBUTES_BYTES} bytes of JSON.")
    signup = usecases().subscribe
    if data.get("website"):
        token = signup.decoy()
    else:
        token = signup(
            SignupRequest(
                email=data["email"],
                lists=tuple(data.get("lists", ())),
                name=data.get("name"),
                attributes=attributes,
                evidence=evidence(source=data.get("source"), locale=data.get("locale")),
            )
        )
    return {
        "status": "pending",
        "status_url": f"{usecases().settings.public_url}/status/{token}",
    }
