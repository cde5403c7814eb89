"""What limits say to clients, and the limits of the few links that are not a signup.

Signups are counted by `usecases/signup/guard.py`. The forms on which a person asks for a new link,
types a code, takes a leaving back or says why they left (what adds to the ledger adds to it for
good), and the steps of a sign-in that call the identity provider, are limited by Flask-Limiter; so
is the proof of consent, the longest answer that a stranger's link gives.
Confirming and leaving are never limited: mail providers press these buttons for many people from
few addresses (RFC 8058).
"""

import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, Response, g, request
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded

from service.config import Settings
from service.counting import Refusal
from service.domain.signup.limits import Counted, origin_of
from service.store.signup.counters import REDIS_TIMEOUT_SECONDS
from service.web.http.problems import problem
from service.web.http.refusals import note_refusal

RATELIMIT_HEADERS = {
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "The limits of this client address and its network: `q` in `w` seconds.",
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "What is left of each: `r`, for `t` seconds.",
    },
}
LIMITED = (
    "pages.renew",
    "pages.enter_code",
    "pages.undo",
    "pages.give_reason",
    "pages.receipt",
    "admin.oidc_begin",
    "admin.oidc_callback",
)


def init_ratelimit(app: Flask, settings: Settings) -> None:
    """Have the app limit what is named above, and say on counted answers how much is left."""

    @app.after_request
    def tell(response: Response) -> Response:
        if counted := g.get("counted"):
            _write_fields(response, counted)
        return response

    if not settings.ratelimit_enabled or not settings.ratelimit_client:
        return
    timeouts: dict[str, Any] = {
        "socket_timeout": REDIS_TIMEOUT_SECONDS,
        "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
    }
    limiter = Limiter(
        key_func=lambda: origin_of(request.remote_addr).client,
        app=app,
        storage_uri=settings.redis_url or "memory://",
        storage_options=timeouts if settings.redis_url else {},
        key_prefix="newsflash",
        in_memory_fallback_enabled=settings.redis_url is not None,
    )
    rule = ";".join(f"{amount}/{seconds} second" for amount, seconds in settings.ratelimit_client)
    for endpoint in LIMITED:
        view = cast(Callable[..., Any], app.view_functions[endpoint])
        app.view_functions[endpoint] = limiter.limit(rule)(view)

    @app.errorhandler(RateLimitExceeded)
    def refuse(_error: RateLimitExceeded) -> Response:
        note_refusal(Refusal.LIMIT, detail=request.endpoint or "")
        reached = limiter.current_limit
        seconds = max(1, round(reached.reset_at - time.time())) if reached else 1
        return problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too-many-requests",
            "There were many requests in a short time.",
            headers={"Retry-After": str(seconds)},
        )


def _write_fields(response: Response, counted: Sequence[Counted]) -> None:
    """Write `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, sections
    3 and 4): of the client's own counters, not of those that it shares with everybody.
    """
    told = [each for each in counted if each.quota.is_told]
    if not told:
        return
    response.headers["RateLimit-Policy"] = ", ".join(
        f'"{each.quota.policy}";q={each.quota.limit.amount};w={each.quota.limit.seconds}'
        for each in told
    )
    response.headers["RateLimit"] = ", ".join(
        f'"{each.quota.policy}";r={each.remaining};t={each.reset_seconds}' for each in told
    )
