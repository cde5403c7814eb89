"""Network addresses as requests and proxies state them."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

_WITH_PORT = re.compile(r"\[(?P<v6>[^\[\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")


def is_loopback(host: str | None) -> bool:
    """Tell whether a host name or an address means this computer, whichever computer it is.

    It does so for `localhost` and names under it (RFC 6761, section 6.3), 127.0.0.0/8 (RFC 1122,
    section 3.2.1.3), `::1` (RFC 4291, section 2.5.3), and the IPv6 form of such an IPv4 address, as
    a server that listens for both kinds is shown its callers. No name is looked up. Case and a dot
    at the end do not matter; a port or brackets make it another text, which is not loopback.
    """
    name = (host or "").lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return _plain(ip_address(name)).is_loopback
    except ValueError:
        return False


def read_ip(text: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address, or None where there is none.

    Some proxies write the client's port behind it, which makes IPv6 stand in brackets. A zone is
    left out, and an IPv4 address in IPv6's form (RFC 4291, section 2.5.5.2) is that of IPv4.
    """
    given = (text or "").strip()
    if parts := _WITH_PORT.fullmatch(given):
        given = parts["v6"] or parts["v4"] or ""
    try:
        return _plain(ip_address(given.partition("%")[0]))
    except ValueError:
        return None


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that stands in an IPv6 one (RFC 4291, section 2.5.5.2)."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
