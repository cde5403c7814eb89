"""Network addresses as requests and proxies state them."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

_WITH_PORT = re.compile(r"\[(?P<v6>[^\[\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")


def read_ip(text: str | None) -> IPv4Address | IPv6Address | None:
    """Return the address, or None where there is none.

    Some proxies write the client's port behind it, which makes IPv6 stand in brackets. A zone is
    left out, and an IPv4 address in IPv6's form (RFC 4291, section 2.5.5.2) is that of IPv4.
    """
    given = (text or "").strip()
    if parts := _WITH_PORT.fullmatch(given):
        given = parts["v6"] or parts["v4"] or ""
    try:
        address = ip_address(given.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
