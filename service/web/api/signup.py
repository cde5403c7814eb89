"""The public JSON API: one call, to sign up."""

from typing import Any

from service.schemas.signup import SignupAcceptedSchema, SignupSchema
from service.usecases.signup.subscribe import SignupRequest
from service.web.http.auth import SCHEME_NAME
from service.web.http.caller import admit
from service.web.http.context import evidence, services
from service.web.http.idempotency import IDEMPOTENCY_PARAMETER, once_key
from service.web.http.json_body import JsonBlueprint
from service.web.http.ratelimit import RATELIMIT_HEADERS

api = JsonBlueprint("api", __name__, url_prefix="/v1", description="Signing up")


@api.post("/subscriptions")
@api.doc(security=[{}, {SCHEME_NAME: []}], parameters=[IDEMPOTENCY_PARAMETER])
@api.arguments(SignupSchema())
@api.response(202, SignupAcceptedSchema, headers=RATELIMIT_HEADERS)
@api.alt_response(
    400, description="The `Idempotency-Key` is invalid, or the body is not valid JSON."
)
@api.alt_response(401, description="The API key is unknown.")
@api.alt_response(403, description="The API key may not sign people up.")
@api.alt_response(404, description="There is no such list.")
@api.alt_response(409, description="A request with this `Idempotency-Key` is still in progress.")
@api.alt_response(413, description="The body is too large.")
@api.alt_response(415, description="The body is not JSON.")
@api.alt_response(429, description="Too many requests. Try again after `Retry-After`.")
@api.alt_response(
    503, description="Unavailable. Nothing was recorded. Try again after `Retry-After`."
)
def subscribe(data: dict[str, Any]) -> dict[str, str]:
    """Sign an address up. The person confirms by email.

    The answer is the same for every valid address, whatever was there before. With 202 the signup
    and its email are committed. No key is needed. With a key of the role `signup`, for a site's own
    server, the limits of a client address and the risk score do not apply.
    """
    lists = tuple(data.get("lists", ()))
    admission = admit(email=data["email"], lists=lists, trap=data.get("website"))
    token = services().intake.by_api(
        SignupRequest(
            email=data["email"],
            lists=lists,
            name=data.get("name"),
            attributes=data.get("attributes"),
            evidence=evidence(source=data.get("source"), locale=data.get("locale")),
        ),
        risk=admission.risk,
        once=once_key(data),
    )
    return {
        "status": "pending",
        "status_url": f"{services().settings.public_url}/status/{token}",
    }
