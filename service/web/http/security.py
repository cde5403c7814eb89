"""Response headers of every page and answer: what a browser may load, frame and remember.

A page may load our own stylesheet, our own scripts under this answer's nonce, and nothing else.
A view widens a single rule by `allow`; an answer that carries a policy of its own keeps it.
"""

import secrets

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
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def init_security(app: Flask, *, public_url: str) -> None:
    """Set the headers on every answer of the app. HSTS only where `public_url` is https."""
    is_https = public_url.startswith("https://")

    @app.after_request
    def set_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        if is_https:
            headers.setdefault("Strict-Transport-Security", f"max-age={HSTS_SECONDS}")
        if response.mimetype == "text/html":
            headers.setdefault("Content-Security-Policy", _page_policy())
            headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
            headers.setdefault("Permissions-Policy", _PERMISSIONS)
        else:
            headers.setdefault("Content-Security-Policy", _DATA_POLICY)
        if _is_of_the_moment(response):
            headers.setdefault("Cache-Control", "no-store")
        if g.get("is_private", False):
            headers["Cache-Control"] = "no-store"
            headers["X-Robots-Tag"] = "noindex, nofollow"
        return response


def csp_nonce() -> str:
    """Return the nonce under which this answer's scripts run; the same one throughout a request."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


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
    policy = dict(_PAGE_POLICY)
    if "csp_nonce" in g:
        policy["script-src"] = (f"'nonce-{g.csp_nonce}'",)
    for directive, sources in g.get("csp_widened", {}).items():
        kept = tuple(source for source in policy.get(directive, ()) if source != "'none'")
        policy[directive] = (*kept, *sources)
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in policy.items())
