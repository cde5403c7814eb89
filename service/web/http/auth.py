"""`Authorization: Bearer <key>` (RFC 6750): which route asks for which role, and who is asking."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

from flask import g, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from service.domain.access.key import KeyInfo
from service.domain.access.roles import Role
from service.web.http.context import services
from service.web.http.json_body import refuse_query_of
from service.web.http.problems import problem
from service.web.http.security import keep_private

SCHEME_NAME = "bearer"
SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key: `newsflash keys create NAME --role admin|export|signup|metrics`.",
}

View = TypeVar("View", bound=Callable[..., Any])


def requires(*roles: Role) -> Callable[[View], View]:
    """Let only keys of one of these roles through; a key of role `admin` passes everywhere.

    The view carries the roles as `view.auth`, where a test reads what each route asks for. A
    request without a good key is answered 401, one whose key may not do this 403. No cache keeps
    an answer. Query parameters that the view does not take are refused, 422.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            scheme, _, key = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not key:
                return _unauthorized("Send an API key: Authorization: Bearer nf_…", "Bearer")
            info = services().keys.authenticate(key.strip())
            if info is None:
                return _unauthorized("This API key is unknown.", 'Bearer error="invalid_token"')
            if not any(info.role.may_act_as(role) for role in roles):
                return problem(
                    HTTPStatus.FORBIDDEN,
                    "forbidden",
                    "This API key has no access to this.",
                    detail=f"Use a key with the role {' or '.join(roles)}.",
                    headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
                )
            g.api_key = info
            keep_private()
            refuse_query_of(view)
            return cast(ResponseReturnValue, view(*args, **kwargs))

        documented = Blueprint.doc(
            security=[{SCHEME_NAME: []}],
            responses={401: "UNAUTHORIZED", 403: "FORBIDDEN"},
        )(guarded)
        documented.auth = roles
        return cast(View, documented)

    return decorate


def key_if_any(role: Role) -> KeyInfo | None:
    """Return the key of a request that needs none, or None where it has none.

    Raises `Unauthorized` for a key that is not known, `Forbidden` for one that may not act as
    `role`. A key that is sent but invalid is still refused.
    """
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    info = services().keys.authenticate(key.strip())
    if info is None:
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"error": "invalid_token"}))
    if not info.role.may_act_as(role):
        raise Forbidden
    return info


def current_key() -> KeyInfo:
    """Return the key of the present request, inside a view that `requires` guards."""
    return cast(KeyInfo, g.api_key)


def actor() -> str:
    """Return the name under which the audit log keeps what this request does."""
    return f"key:{current_key().name}"


def _unauthorized(detail: str, challenge: str) -> ResponseReturnValue:
    return problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "This needs an API key.",
        detail=detail,
        headers={"WWW-Authenticate": challenge},
    )
