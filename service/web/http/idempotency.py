"""The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header-07, section 2)."""

import re
from typing import Any

from flask import request

from service.domain.errors import IdempotencyKeyError
from service.usecases.signup.idempotency import IdempotencyKey
from service.web.http.caller import owner

HEADER = "Idempotency-Key"
_QUOTED = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
"""A String of structured fields (RFC 9651, section 3.3.3)."""
_BARE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255}")
"""What many clients send in its place: the key without its quotes."""

IDEMPOTENCY_PARAMETER = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string", "maxLength": 257},
    "example": '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
    "description": (
        "A new quoted string, such as a UUID: the same request sent again under it within 24 "
        "hours gets the same answer and leaves one signup."
    ),
}


def once_key(body: Any) -> IdempotencyKey | None:
    """Return the request's key with its owner and body, or None where it has none.

    Raises `IdempotencyKeyError` for a header that is no key.
    """
    header = request.headers.get(HEADER)
    if header is None:
        return None
    text = header.strip()
    if quoted := _QUOTED.fullmatch(text):
        key = re.sub(r"\\(.)", r"\1", quoted.group(1))
    elif _BARE.fullmatch(text):
        key = text
    else:
        raise IdempotencyKeyError("Use a quoted string of up to 255 visible ASCII characters.")
    return IdempotencyKey(owner=owner(), key=key, body=body)
