"""What limits say to clients, and the limits of what is not a signup.

`usecases/signup/guard.py` counts. Views that are `limited`: the forms on which a person asks for a
new link, types a code, takes an unsubscription back or says why they left (what adds to the ledger
adds to it for good), the steps of a sign-in that call the identity provider, and the proof of
consent, the longest answer that a stranger's link gives.
Confirming and unsubscribing are never limited: mail providers press these buttons for many people
from few addresses (RFC 8058).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Flask, Response, g, request

from service.counting import Refusal
from service.domain.signup.limits import Counted, TooManyRequestsError
from service.web.http.context import services
from service.web.http.refusals import note_refusal

RATELIMIT_HEADERS = {
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "The limits of this client and its network: `q` requests in `w` seconds.",
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "What is left of each: `r` requests, for `t` seconds.",
    },
}
_View = TypeVar("_View", bound=Callable[..., Any])


def init_ratelimit(app: Flask) -> None:
    """Have the app say on counted answers how much is left."""

    @app.after_request
    def tell(response: Response) -> Response:
        if counted := g.get("counted"):
            _write_fields(response, counted)
        return response


@contextmanager
def noting_refusal() -> Iterator[None]:
    """Note a request that is one too many, and let `TooManyRequestsError` go on."""
    try:
        yield
    except TooManyRequestsError as error:
        g.counted = error.counted
        note_refusal(Refusal.LIMIT, detail=error.counted[-1].quota.policy)
        raise


def limited(view: _View) -> _View:
    """Give each client as many calls of this view as of the signup, on counters of its own.

    One more raises `TooManyRequestsError`.
    """

    @wraps(view)
    def counted(*args: Any, **kwargs: Any) -> Any:
        with noting_refusal():
            g.counted = services().guard.count(view.__name__, ip=request.remote_addr)
        return view(*args, **kwargs)

    return cast(_View, counted)


def _write_fields(response: Response, counted: Sequence[Counted]) -> None:
    """Write `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, sections
    3 and 4): of the client's own counters, not of those that it shares with everybody.
    """
    shown = [each for each in counted if each.quota.is_told]
    if not shown:
        return
    response.headers["RateLimit-Policy"] = ", ".join(
        f'"{each.quota.policy}";q={each.quota.limit.amount};w={each.quota.limit.seconds}'
        for each in shown
    )
    response.headers["RateLimit"] = ", ".join(
        f'"{each.quota.policy}";r={each.remaining};t={each.reset_seconds}' for each in shown
    )
