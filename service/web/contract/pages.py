"""The pages' part of the contract: what forms, links in mails and monitors rely on.

The JSON API describes itself through its schemas. Pages have none, so each route stands here by
endpoint with its form fields and answers; `describe_pages` refuses an endpoint that is not there,
and a test refuses a route that is not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apispec import APISpec
from flask import Flask

HTML, TEXT, PROBLEM = "text/html", "text/plain", "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCall:
    """One call to a page: what it does, its form fields (name to meaning) and its answers."""

    summary: str
    answers: dict[int, str]
    fields: dict[str, str] | None = None
    required: tuple[str, ...] = ()
    media: str = HTML


_LINK = {404: "The link is invalid."}
_ANY_FORM = {422: "A field contains characters that cannot be stored."}
_TOO_MANY = "Too many requests. Try again after `Retry-After`."
_SIGNUP = {
    "email": "The address, as typed.",
    "name": "Optional.",
    "locale": "Language of the emails, a BCP 47 tag.",
    "source": "The page with the form, kept as evidence.",
    "website": "A honeypot for bots. Leave it empty.",
    "form_token": "The token from the hosted form; optional.",
}

CALLS: dict[str, PageCall] = {
    "pages.home": PageCall(
        summary="All newsletters, each with a link to its form.", answers={200: "A page."}
    ),
    "pages.form": PageCall(
        summary="The hosted form of a list.", answers={200: "A page.", 404: "No such list."}
    ),
    "pages.subscribe": PageCall(
        summary="Sign up with a form, from any allowed website, without JavaScript.",
        fields=_SIGNUP,
        required=("email",),
        answers={
            200: "A page with one more step, or one that leads to the list's own page.",
            202: "Accepted; for a script that asks for JSON.",
            303: "Accepted. Redirects to the status page, or to the list's own page.",
            403: "The form isn't set up for that website.",
            404: "No such list.",
            413: "The body is too large.",
            415: "The body is not a form.",
            422: "The form again, with the error.",
            429: _TOO_MANY,
            503: "Unavailable. Nothing was recorded. Try again after `Retry-After`.",
        },
    ),
    "pages.embed": PageCall(
        summary="A script that shows the form at its tag.",
        media="text/javascript",
        answers={200: "The script.", 404: "No such list."},
    ),
    "pages.status": PageCall(
        summary="The status of a signup's own email.", answers={200: "A page.", **_LINK}
    ),
    "pages.enter_code": PageCall(
        summary="Confirm with the code from the email.",
        fields={"code": "The 6-digit code."},
        required=("code",),
        answers={
            200: "Confirmed.",
            422: "The code isn't right.",
            429: "Too many wrong codes.",
            **_LINK,
        },
    ),
    "pages.confirm": PageCall(
        summary="The confirm link. Changes nothing.",
        answers={200: "A page.", 410: "Expired, or no longer valid.", **_LINK},
    ),
    "pages.act_on_confirm": PageCall(
        summary="Confirm (idempotent).",
        answers={200: "Confirmed.", 410: "Expired, or no longer valid.", **_LINK},
    ),
    "pages.renew": PageCall(
        summary="Email a new link for an expired one.",
        answers={303: "Redirects to the status page.", 429: _TOO_MANY, **_LINK},
    ),
    "pages.unsubscribe": PageCall(
        summary="The unsubscribe link. Changes nothing.", answers={200: "A page.", **_LINK}
    ),
    "pages.act_on_unsubscribe": PageCall(
        summary="Unsubscribe, from the page or by a one-click POST (RFC 8058). Idempotent.",
        fields={"List-Unsubscribe": "`One-Click` if an email program posts."},
        answers={200: "Unsubscribed.", **_LINK},
    ),
    "pages.undo": PageCall(
        summary="Undo an unsubscribe of the last hour.",
        fields={"token": "From the page after unsubscribing."},
        required=("token",),
        answers={200: "A page.", 410: "Too late.", 429: _TOO_MANY, **_LINK},
    ),
    "pages.give_reason": PageCall(
        summary="Say why you unsubscribed.",
        fields={
            "token": "From the page after unsubscribing.",
            "reason": "One of the page's choices.",
            "detail": "In your own words.",
        },
        answers={
            200: "A page. Without a reason, nothing is stored.",
            410: "Too late.",
            429: _TOO_MANY,
            **_LINK,
        },
    ),
    "pages.receipt": PageCall(
        summary="A person's signed proof of consent.",
        media="application/json",
        answers={200: "The receipt.", **_LINK},
    ),
    "receipt_keys.public_keys": PageCall(
        summary="The public key that receipts are signed with (RFC 8037).",
        media="application/jwk-set+json",
        answers={200: "A set of JSON Web Keys."},
    ),
    "health.healthz": PageCall(
        summary="Whether the process answers.", media="application/json", answers={200: "Alive."}
    ),
    "health.readyz": PageCall(
        summary="Whether the service is ready: database, migrations, keys, writes, due emails.",
        media="application/json",
        answers={200: "Ready.", 503: "Not ready: the body says what is wrong."},
    ),
    "metrics.show": PageCall(
        summary="Prometheus series, from loopback or with a key of the role `metrics`.",
        media=TEXT,
        answers={200: "The series.", 401: "Not from loopback, and no valid key."},
    ),
    "contract.openapi": PageCall(
        summary="This contract.", media="application/yaml", answers={200: "OpenAPI 3.1."}
    ),
    "contract.docs": PageCall(summary="This contract, for people.", answers={200: "A page."}),
}


def describe_pages(app: Flask, spec: APISpec) -> None:
    """Add each of `CALLS` to the contract under its route; `KeyError` where a route is missing."""
    rules = {rule.endpoint: rule for rule in app.url_map.iter_rules()}
    for endpoint, call in CALLS.items():
        rule = rules[endpoint]
        method = "post" if "POST" in (rule.methods or ()) else "get"
        more = _ANY_FORM if method == "post" else {}
        spec.path(rule=rule, operations={method: _operation(call, {**more, **call.answers})})


def _operation(call: PageCall, answers: Mapping[int, str]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "tags": ["pages"],
        "summary": call.summary,
        "responses": {
            str(status): {
                "description": note,
                **({} if status == 303 else {"content": _content(status, call)}),
            }
            for status, note in sorted(answers.items())
        },
    }
    if call.fields is not None:
        operation["requestBody"] = {
            "required": bool(call.required),
            "content": {
                media: {
                    "schema": {
                        "type": "object",
                        "properties": {
                            name: {"type": "string", "description": note}
                            for name, note in call.fields.items()
                        },
                        **({"required": list(call.required)} if call.required else {}),
                    }
                }
                for media in ("application/x-www-form-urlencoded", "multipart/form-data")
            },
        }
    return operation


def _content(status: int, call: PageCall) -> dict[str, Any]:
    """A browser gets errors as pages, any other program as problem documents."""
    page: dict[str, Any] = {"schema": {"type": "string"}}
    if status < 400 or (call.media == "application/json" and status == 503):
        return {call.media: page if call.media in (HTML, TEXT) else {}}
    return {HTML: page, PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
