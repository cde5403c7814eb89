"""Who asks for a signup: the client's address and key, and the guard that every signup passes."""

from collections.abc import Sequence

from flask import g, request
from werkzeug.exceptions import Forbidden

from service.counting import SIGNUPS, Signup, numbers
from service.domain.access.roles import Role
from service.domain.signup.limits import TooManyRequestsError, origin_of
from service.usecases.signup.guard import Admission, Caller
from service.web.http.auth import key_if_any
from service.web.http.context import services
from service.web.http.ratelimit import noting_refusal


def admit(
    *,
    email: str,
    lists: Sequence[str],
    trap: str | None,
    is_form: bool = False,
    form_token: str = "",
) -> Admission:
    """Count this request and judge it. Raises `TooManyRequestsError`.

    The client's address is that which the trusted proxies tell. A program may prove itself by a key
    that may sign up; for a list that the key is not for it is `Forbidden`.
    """
    key = None if is_form else key_if_any(Role.SIGNUP)
    if key is not None and key.list_ids is not None:
        known = services().lists
        for info in [known.get(slug) for slug in lists] or [known.default()]:
            if info.id not in key.list_ids:
                raise Forbidden
    caller = Caller(
        ip=request.remote_addr,
        user_agent=request.user_agent.string,
        has_key=key is not None,
        is_form=is_form,
        form_token=form_token,
        is_trapped=bool(trap),
    )
    try:
        with noting_refusal():
            admission = services().guard.admit(caller, email=email, lists=lists)
    except TooManyRequestsError:
        numbers.add((SIGNUPS, Signup.LIMITED))
        raise
    g.counted = admission.counted
    return admission


def owner() -> str:
    """Return whose an `Idempotency-Key` is: the API key's, or the client address's."""
    key = key_if_any(Role.SIGNUP)
    return f"key {key.id}" if key is not None else f"client {origin_of(request.remote_addr).client}"
