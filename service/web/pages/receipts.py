"""What pages show and hand out of consent: the current text, and the signed proof."""

import json

from flask import Response, request, url_for

from service.domain.lists.consent_text import CurrentText
from service.domain.lists.mailing_list import ListInfo
from service.web.http.context import services
from service.web.http.i18n import page_locale
from service.web.http.ratelimit import limited
from service.web.pages.blueprint import pages


@pages.app_template_global()
def consent_of(info: ListInfo) -> CurrentText:
    """Return the list's current consent text in the page's language."""
    return services().consent_texts.current(info, page_locale())


@pages.get("/receipt/<token>")
@limited
def receipt(token: str) -> Response:
    """Hand out the signed proof of what the link's person agreed to (docs/ledger.md).

    A long one comes in parts: each names the next by a `Link` with `rel="next"` (RFC 8288).
    """
    document = services().receipts.by_link(token, cursor=request.args.get("cursor"))
    answer = Response(
        json.dumps(document, ensure_ascii=False, indent=2) + "\n",
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="receipt.json"'},
    )
    if document["next_cursor"]:
        address = url_for("pages.receipt", token=token, cursor=document["next_cursor"])
        answer.headers["Link"] = f'<{address}>; rel="next"'
    return answer
