"""Who asks: a browser for a page, or a program for JSON (RFC 9110, section 12.5.1)."""

from flask import request

_JSON = ("application/json", "application/problem+json")
_HTML = "text/html"
_NAMED = 2
"""How specific a media type is that is named in full; `text/*` is 1 and `*/*` is 0."""


def wants_json() -> bool:
    """Tell whether the caller would rather have JSON than a page.

    The higher weight wins; where both have the same, the one that is named does: `application/json,
    */*` is JSON. Where nothing tells, a script is taken for a program by what the browser says of
    it (Fetch Metadata, section 2.2), and everybody else for a browser.
    """
    json, html = max(map(_weight, _JSON)), _weight(_HTML)
    if json != html:
        return json > html
    return html[1] < _NAMED and request.headers.get("Sec-Fetch-Mode") == "cors"


def accepts_pages() -> bool:
    """Tell whether the caller takes a page at all; one that does not say is a program."""
    return _weight(_HTML)[0] > 0


def _weight(media_type: str) -> tuple[float, int]:
    """Return how much a media type is wanted, and how specific the range is that says so."""
    kind = media_type.partition("/")[0]
    ranges = {media_type: _NAMED, f"{kind}/*": 1, "*/*": 0}
    found = [
        (ranges[name], quality)
        for name, quality in (
            (given.partition(";")[0].strip().lower(), quality)
            for given, quality in request.accept_mimetypes
        )
        if name in ranges
    ]
    if not found:
        return 0.0, 0
    specific = max(level for level, _ in found)
    return max(quality for level, quality in found if level == specific), specific
