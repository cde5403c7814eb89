"""Errors as the outside sees them: one table from domain error to status, type and title.

Answers are problem documents (RFC 9457); a browser that asks for a page gets the same as one.
"""

from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, current_app, make_response, render_template, request
from flask_smorest import Api
from marshmallow import Schema, fields
from sqlalchemy.exc import (
    DatabaseError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from service.domain import errors as domain
from service.domain.signup.limits import TooManyRequestsError
from service.log import error_fields
from service.usecases.operations.connections import too_many_connections
from service.web.http.negotiation import accepts_pages, wants_json

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5

_TABLE: dict[type[domain.NewsflashError], tuple[HTTPStatus, str, str]] = {
    domain.AddressError: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-input",
        "Some fields are invalid.",
    ),
    domain.InvalidInputError: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-input",
        "Some fields are invalid.",
    ),
    domain.UnknownListError: (HTTPStatus.NOT_FOUND, "unknown-list", "There is no such list."),
    domain.NotFoundError: (HTTPStatus.NOT_FOUND, "not-found", "Not found."),
    domain.ConflictError: (
        HTTPStatus.CONFLICT,
        "conflict",
        "This conflicts with the current state.",
    ),
    domain.LinkForgedError: (HTTPStatus.NOT_FOUND, "unknown-link", "This link is invalid."),
    domain.LinkExpiredError: (HTTPStatus.GONE, "expired-link", "This link has expired."),
    domain.LinkEndedError: (HTTPStatus.GONE, "ended-link", "This link is no longer valid."),
    domain.WrongCodeError: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "wrong-code",
        "That code isn't right. Use the one in our latest email.",
    ),
    domain.TooManyTriesError: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "too-many-tries",
        "Too many wrong codes. Please use the link in the email.",
    ),
    domain.EventAuthError: (
        HTTPStatus.UNAUTHORIZED,
        "not-authentic",
        "The mail API's request could not be authenticated.",
    ),
    domain.EventFormatError: (
        HTTPStatus.BAD_REQUEST,
        "not-understood",
        "The event does not have the format that the mail API documents.",
    ),
    TooManyRequestsError: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "too-many-requests",
        "Too many requests.",
    ),
    domain.IdempotencyKeyError: (
        HTTPStatus.BAD_REQUEST,
        "idempotency-key",
        "The Idempotency-Key is invalid.",
    ),
    domain.IdempotencyReusedError: (
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "idempotency-key-reused",
        "This Idempotency-Key was already used with another body.",
    ),
    domain.InFlightError: (
        HTTPStatus.CONFLICT,
        "in-flight",
        "A request with this Idempotency-Key is still in progress.",
    ),
    domain.IssuerAnswerError: (
        HTTPStatus.BAD_GATEWAY,
        "identity-provider",
        "The identity provider sent an invalid answer.",
    ),
    domain.SignInBrokenError: (
        HTTPStatus.BAD_REQUEST,
        "sign-in-broken",
        "Please start the sign-in again.",
    ),
    domain.SignInDeclinedError: (HTTPStatus.FORBIDDEN, "declined", "The sign-in was cancelled."),
    domain.SignInRefusedError: (HTTPStatus.FORBIDDEN, "refused", "This account has no access."),
    domain.BrokenBodyError: (
        HTTPStatus.BAD_REQUEST,
        "incomplete-body",
        "The request body is incomplete.",
    ),
    domain.BodyTooSlowError: (
        HTTPStatus.REQUEST_TIMEOUT,
        "request-timeout",
        "The request took too long to arrive.",
    ),
    domain.WrongKeyError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The service is unavailable. Please try again in a moment.",
    ),
    domain.UnavailableError: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The service is unavailable. Please try again in a moment.",
    ),
}
_TOLD = (
    domain.BrokenBodyError,
    domain.ConflictError,
    domain.EventAuthError,
    domain.EventFormatError,
    domain.IdempotencyKeyError,
)
"""Errors whose message is for the caller."""
_PLACES = {"json": "", "query": "", "form": ""}
"""Where fields are pointed at by their bare names, as `InvalidInputError` names them."""
_log = structlog.get_logger(__name__)


class FieldErrorSchema(Schema):
    """One field that needs another value."""

    pointer = fields.String(
        metadata={
            "description": "JSON pointer (RFC 6901) to the field, or `/` and a query parameter."
        }
    )
    detail = fields.String()


class ProblemSchema(Schema):
    """A problem document (RFC 9457)."""

    type = fields.String(metadata={"description": "`urn:newsflash:problem:` and a stable name."})
    title = fields.String()
    status = fields.Integer()
    detail = fields.String()
    errors = fields.List(fields.Nested(FieldErrorSchema))


class ProblemApi(Api):
    """flask-smorest with problem documents for every error."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer an HTTP error, the framework's and our own, as a problem."""
        return http_problem(error)


def problem(
    status: HTTPStatus | int,
    name: str,
    title: str,
    *,
    detail: str | None = None,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the problem as a document, or as a page where a browser asks for one."""
    document: dict[str, Any] = {
        "type": f"urn:newsflash:problem:{name}",
        "title": title,
        "status": int(status),
    }
    if detail:
        document["detail"] = detail
    if errors:
        document["errors"] = errors
    if not request.path.startswith("/v1/") and accepts_pages() and not wants_json():
        response = make_response(render_template("pages/error.html", problem=document))
    else:
        response = make_response(current_app.json.dumps(document))
        response.content_type = CONTENT_TYPE
    if not request.path.startswith("/v1/"):
        response.vary.update(("Accept", "Sec-Fetch-Mode"))
    response.status_code = int(status)
    response.headers.update(headers or {})
    return response


def http_problem(error: HTTPException) -> Response:
    """Turn an HTTP error into a problem; field errors of marshmallow become pointers."""
    status = HTTPStatus(error.code or 500)
    data = getattr(error, "data", {})
    headers = {
        name: value
        for name, value in error.get_headers()
        if name not in ("Content-Type", "Content-Length")
    }
    headers.update(data.get("headers") or {})
    return problem(
        status,
        "invalid-input" if data.get("messages") else status.phrase.lower().replace(" ", "-"),
        "Some fields are invalid." if data.get("messages") else status.phrase,
        errors=[
            {"pointer": pointer or "/", "detail": text}
            for place, found in sorted(data.get("messages", {}).items())
            for pointer, text in _pointers(found, _PLACES.get(place, f"/{place}"))
        ],
        headers=headers,
    )


def _pointers(found: Any, pointer: str) -> list[tuple[str, str]]:
    """Flatten marshmallow's nested messages to JSON pointers."""
    if isinstance(found, dict):
        return [
            pair
            for key, value in found.items()
            for pair in _pointers(
                value, pointer if key == "_schema" else f"{pointer}/{_escape(str(key))}"
            )
        ]
    return [(pointer, str(text)) for text in (found if isinstance(found, list) else [found])]


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def init_problems(app: Flask) -> None:
    """Have the app answer domain errors, a database that cannot answer, and surprises."""

    @app.errorhandler(domain.NewsflashError)
    def domain_problem(error: domain.NewsflashError) -> Response:
        status, name, title = next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)
        detail, found = None, None
        if isinstance(error, domain.AddressError):
            found = [{"pointer": "/email", "detail": str(error)}]
        elif isinstance(error, domain.InvalidInputError):
            found = [{"pointer": f"/{error.field}", "detail": str(error)}]
        elif isinstance(error, _TOLD):
            detail = str(error)
        headers = {}
        if status is HTTPStatus.UNAUTHORIZED:  # RFC 9110, section 11.6.1
            headers["WWW-Authenticate"] = 'Basic realm="events"'
        elif status is HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        elif isinstance(error, TooManyRequestsError):
            headers["Retry-After"] = str(error.counted[-1].reset_seconds)
        elif isinstance(error, domain.InFlightError):
            headers["Retry-After"] = "1"
        return problem(status, name, title, detail=detail, errors=found, headers=headers)

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    @app.errorhandler(InternalError)
    @app.errorhandler(PoolTimeoutError)
    def unavailable(error: Exception) -> Response:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if advice := too_many_connections(error):
            _log.warning("database unavailable", error="too_many_connections", text=advice)
        else:
            _log.warning("database unavailable", error=type(cause).__name__)
        status, name, title = _TABLE[domain.UnavailableError]
        return problem(status, name, title, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})

    @app.errorhandler(DatabaseError)
    def broken(error: DatabaseError) -> Response:
        # Bare, it is SQLite's word for a file that is damaged; its kinds are mistakes of ours.
        return unavailable(error) if type(error) is DatabaseError else surprise(error)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        return http_problem(error)

    @app.errorhandler(Exception)
    def surprise(error: Exception) -> Response:
        _log.error("unexpected error", **error_fields(error))
        return problem(500, "internal-error", "Something went wrong on our side.")
