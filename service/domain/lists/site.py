"""A website's origin, in the one spelling that browsers send (RFC 6454, section 6.1)."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from urllib.parse import urlsplit

import idna

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


def site_origin(text: str) -> str:
    """Return `scheme://host` of a website's address, with its port unless it is the usual one.

    Letter case, a default port, a slash at the end and the spelling of an international name
    (Unicode or punycode) make no difference. Raises `ValueError` for what is no website, or has a
    path, a query or a password.
    """
    parts = urlsplit(text.strip())
    scheme, port = parts.scheme.lower(), parts.port  # raises where the port is no number
    if scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc or port == 0:
        raise ValueError("not a website")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("more than a website")
    host = _host(parts.hostname)
    return f"{scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}")


def is_one_of(origin: str, sites: Iterable[str]) -> bool:
    """Tell whether an `Origin` header names one of the sites, however either is spelled."""
    return _spelled(origin) in map(_spelled, sites)


def _spelled(text: str) -> str:
    try:
        return site_origin(text)
    except ValueError:
        return text


def _host(name: str) -> str:
    if ":" in name:
        return f"[{IPv6Address(name)}]"
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode()  # its errors are `ValueError`s
    host = name.lower()
    if not _HOST.fullmatch(host):
        raise ValueError("not a host name")
    return host
