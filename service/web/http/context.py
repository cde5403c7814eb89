"""What views reach for: the use cases of this app, and the circumstances of the request."""

from contextlib import suppress
from typing import cast
from uuid import UUID

from flask import Flask, Request, current_app, request

from service.domain.consent import Evidence, IpPolicy, kept_ip
from service.domain.subscription import MAX_LISTS, MAX_SOURCE_LENGTH
from service.services import Services

EXTENSION = "newsflash"
SHOWN_TEXT_FIELD = "consent_text"


def services() -> Services:
    """Return the use cases of the current app."""
    return services_of(current_app)


def current_request() -> Request:
    """Return the request itself: `request` looks it up again for each attribute (1 µs)."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined]
    return found


def services_of(app: Flask) -> Services:
    """Return the use cases of this app."""
    return cast(Services, app.extensions[EXTENSION])


def evidence(*, source: str | None = None, locale: str | None = None) -> Evidence:
    """Return the circumstances of this request as the consent ledger keeps them.

    `source` names the form or page; without it, the page that the request came from.
    """
    policy = IpPolicy(services().settings.consent_ip)
    named = source or request.referrer
    return Evidence(
        source=named[:MAX_SOURCE_LENGTH] if named else None,
        locale=locale,
        ip=kept_ip(request.remote_addr, policy),
        shown_texts=_shown_texts(),
    )


def _shown_texts() -> dict[UUID, str]:
    """Read which consent texts the posted form showed: a field `<list id>:<version>` for each."""
    shown: dict[UUID, str] = {}
    if request.is_json:
        return shown
    for given in request.form.getlist(SHOWN_TEXT_FIELD)[:MAX_LISTS]:
        list_id, _, version = given.partition(":")
        with suppress(ValueError):
            shown[UUID(list_id)] = version
    return shown
