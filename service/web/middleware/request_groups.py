"""Which requests are shown together in the metrics."""

from functools import cache

from service.counting import Group

_SIGNUP = frozenset({"api.subscribe", "pages.subscribe"})
_SHOWN = frozenset({"pages.home", "pages.form", "pages.embed", "pages.status"})
_BLUEPRINTS = {
    "pages": Group.LINKS,
    "hooks": Group.EVENTS,
    "admin": Group.ADMIN,
    "health": Group.PROBES,
    "metrics": Group.PROBES,
    "contract": Group.PAGES,
    "mailbox": Group.PAGES,
    "static": Group.PAGES,
}


@cache
def group_of(endpoint: str | None) -> Group:
    """Return the group of an endpoint; None is that of an address that leads nowhere."""
    if endpoint is None:
        return Group.UNKNOWN
    if endpoint in _SIGNUP:
        return Group.SIGNUP
    if endpoint in _SHOWN:
        return Group.PAGES
    return _BLUEPRINTS.get(endpoint.partition(".")[0], Group.API)
