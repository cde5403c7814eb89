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


_LINK = {404: "The link is not one of ours."}
_ANY_FORM = {422: "A field holds characters that cannot be kept."}
_TOO_MANY = "Too many requests; try again after `Retry-After`."
_SIGNUP = {
    "email": "The address, as typed.",
    "name": "Optional.",
    "locale": "Language of the mails, a BCP 47 tag.",
    "source": "The page of the form, kept as evidence.",
    "website": "A trap for bots: leave it empty.",
    "form_token": "What the hosted form was given when it was shown; optional.",
}

CALLS: dict[str, PageCall] = {
    "pages.home": PageCall(summary="The lists that one can sign up to.", answers={200: "A page."}),
    "pages.form": PageCall(
        summary="The hosted form of a list.", answers={200: "A page.", 404: "No such list."}
    ),
    "pages.subscribe": PageCall(
        summary="Sign up by a form, from any allowed site, without JavaScript.",
        fields=_SIGNUP,
        required=("email",),
        answers={
            200: "A page with one more step, or that leads to the list's own address.",
            202: "Taken, for a script that asks for JSON.",
            303: "Taken: to the status page, or to the list's own address.",
            403: "The list takes no forms from that site.",
            404: "No such list.",
            413: "The body is too large.",
            415: "The body is not a form.",
            422: "The form again, with what needs another value.",
            429: _TOO_MANY,
            503: "Not taken; try again after `Retry-After`.",
        },
    ),
    "pages.embed": PageCall(
        summary="A script that puts the form where its tag stands.",
        media="text/javascript",
        answers={200: "The script.", 404: "No such list."},
    ),
    "pages.status": PageCall(
        summary="What became of a signup's own mail.", answers={200: "A page.", **_LINK}
    ),
    "pages.enter_code": PageCall(
        summary="Confirm with the code from the mail.",
        fields={"code": "The six digits."},
        required=("code",),
        answers={200: "Confirmed.", 422: "Not the code.", 429: "Too many wrong codes.", **_LINK},
    ),
    "pages.confirm": PageCall(
        summary="The confirm link. Changes nothing.",
        answers={200: "A page.", 410: "Too old, or of an ended subscription.", **_LINK},
    ),
    "pages.act_on_confirm": PageCall(
        summary="Confirm. Again is the same.",
        answers={200: "Confirmed.", 410: "Too old, or of an ended subscription.", **_LINK},
    ),
    "pages.renew": PageCall(
        summary="Mail a new link for one that is too old.",
        answers={303: "To the status page.", 429: _TOO_MANY, **_LINK},
    ),
    "pages.unsubscribe": PageCall(
        summary="The unsubscribe link. Changes nothing.", answers={200: "A page.", **_LINK}
    ),
    "pages.act_on_unsubscribe": PageCall(
        summary="Leave: a person's form and a one-click POST (RFC 8058) alike. Again is the same.",
        fields={"List-Unsubscribe": "`One-Click` where a mail program posts."},
        answers={200: "Unsubscribed.", **_LINK},
    ),
    "pages.undo": PageCall(
        summary="Take a leaving of the last hour back.",
        fields={"token": "From the page after leaving."},
        required=("token",),
        answers={200: "A page.", 410: "Too late.", 429: _TOO_MANY, **_LINK},
    ),
    "pages.give_reason": PageCall(
        summary="Say why one left.",
        fields={
            "token": "From the page after leaving.",
            "reason": "One of the page's choices.",
            "detail": "In one's own words.",
        },
        answers={
            200: "A page; without a reason nothing is kept.",
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
        summary="Whether the process answers.", media="application/json", answers={200: "It does."}
    ),
    "health.readyz": PageCall(
        summary="Whether requests can be taken: database, migrations, keys, writes, emails due.",
        media="application/json",
        answers={200: "Ready.", 503: "Not ready: the body says what is wrong."},
    ),
    "metrics.show": PageCall(
        summary="Prometheus series, from loopback or with a key of the role `metrics`.",
        media=TEXT,
        answers={200: "The series.", 401: "Neither."},
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
