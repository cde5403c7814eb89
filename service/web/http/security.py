"""Response headers of every page and answer: what a browser may load, frame and remember.

A page may load our own stylesheet, our own scripts under this answer's nonce, and nothing else.
A view widens a single rule by `allow`; an answer that carries a policy of its own keeps it.
"""

import secrets
from functools import lru_cache

from flask import Flask, Response, g, request

from service.domain.lists.site import site_origin

HSTS_SECONDS = 63_072_000  # two years

_PAGE_POLICY = {
    "default-src": ("'none'",),
    "style-src": ("'self'",),
    "img-src": ("'self'", "data:"),
    "connect-src": ("'self'",),
    "form-action": ("'self'",),
    "frame-ancestors": ("'none'",),
    "base-uri": ("'none'",),
}
_NONCE = "{nonce}"
_Headers = tuple[tuple[str, str], ...]
_COMMON: _Headers = (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))
_OF_PAGES = (
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_OF_DATA = (("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),)
_Widened = tuple[tuple[str, tuple[str, ...]], ...]


def init_security(app: Flask, *, public_url: str) -> None:
    """Set the headers on every answer of the app. HSTS only where `public_url` is https."""
    common: _Headers = _COMMON
    if public_url.startswith("https://"):
        common += (("Strict-Transport-Security", f"max-age={HSTS_SECONDS}"),)
    of_pages, of_data = common + _OF_PAGES, common + _OF_DATA

    @app.after_request
    def set_headers(response: Response) -> Response:
        headers = response.headers
        # `setdefault` for each of them would go through all headers eight times.
        given = {name.lower() for name in headers.keys()}  # noqa: SIM118 - its items are pairs
        is_page = response.mimetype == "text/html"
        for name, value in of_pages if is_page else of_data:
            if name.lower() not in given:
                headers.add(name, value)
        if is_page and "content-security-policy" not in given:
            headers.add("Content-Security-Policy", _page_policy())
        if g.get("is_private", False):
            if "cache-control" in given:
                headers.remove("Cache-Control")
            headers.add("Cache-Control", "no-store")
            headers.add("X-Robots-Tag", "noindex, nofollow")
        elif "cache-control" not in given and _is_of_the_moment(response):
            headers.add("Cache-Control", "no-store")
        return response


def csp_nonce() -> str:
    """Return the nonce under which this answer's scripts run; the same one throughout a request."""
    nonce: str = g.get("csp_nonce") or g.setdefault("csp_nonce", secrets.token_urlsafe(16))
    return nonce


def allow(directive: str, *sources: str) -> None:
    """Let this answer's page use `sources` too (`frame-ancestors 'none'` gives way to them)."""
    widened: dict[str, tuple[str, ...]] = g.setdefault("csp_widened", {})
    widened[directive] = (*widened.get(directive, ()), *sources)


def keep_private() -> None:
    """Mark this answer as one person's: not stored by any cache, not shown by a search engine."""
    g.is_private = True


def own_origins(public_url: str) -> frozenset[str]:
    """Return the origins under which this service's own pages are reached in this request."""
    scheme, _, rest = public_url.partition("://")
    ours = (f"{scheme}://{rest.split('/')[0]}", request.host_url.rstrip("/"))
    return frozenset(map(site_origin, ours))


def _is_of_the_moment(response: Response) -> bool:
    """Tell whether the answer is an error, the result of an act, or data behind a key.

    Some errors may be kept where nothing forbids it (RFC 9110, section 15.1), and they come before
    a view can say that its address is somebody's.
    """
    is_act = request.method not in ("GET", "HEAD")
    return response.status_code >= 400 or is_act or request.path.startswith("/v1/")


def _page_policy() -> str:
    nonce: str | None = g.get("csp_nonce")
    words = _policy(tuple(g.get("csp_widened", {}).items()), has_scripts=nonce is not None)
    return words if nonce is None else words.replace(_NONCE, nonce)


@lru_cache(maxsize=256)
def _policy(widened: _Widened, *, has_scripts: bool) -> str:
    """Return the policy that is widened by these sources, with `{nonce}` in the nonce's place."""
    policy = dict(_PAGE_POLICY)
    if has_scripts:
        policy["script-src"] = (f"'nonce-{_NONCE}'",)
    for directive, sources in widened:
        kept = tuple(source for source in policy.get(directive, ()) if source != "'none'")
        policy[directive] = (*kept, *sources)
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items())
