"""Where an outgoing call may go: to the outside, never into the network that we stand in."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from service.domain.errors import InvalidInputError

MAX_URL_LENGTH = 2000
_SPECIAL = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Protocol assignments (RFC 6890) and 6to4 relays, which Python calls global."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address."""
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))
"""6to4 and Teredo carry an IPv4 address within; both are given up (RFC 7526, RFC 4380)."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address is an ordinary one of the Internet.

    Not: private, loopback, link-local, shared, multicast, reserved or unspecified ones, nor IPv6
    addresses that lead to such an IPv4 address.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.is_site_local or any(address in tunnel for tunnel in _TUNNELS):
            return False
    elif any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_link_local
        or address.is_loopback
        or address.is_unspecified
    )


def check_url(url: str, *, allow_private: bool) -> str:
    """Return a webhook's URL if it can be called, or raise `InvalidInputError`.

    Without `allow_private` it has to be https, and an address in it has to be public. What a name
    leads to is looked at on every call.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        raise InvalidInputError("url", "Use a web address of the form https://host/path.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > MAX_URL_LENGTH:
        raise InvalidInputError("url", "Use a web address of the form https://host/path.")
    if not url.isascii() or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise InvalidInputError("url", "Use ASCII without spaces. Percent-encode other characters.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInputError("url", "Remove the user, password or fragment.")
    if allow_private:
        return url
    if parts.scheme != "https":
        raise InvalidInputError("url", "Use https: events contain email addresses.")
    try:
        literal = ip_address(parts.hostname)
    except ValueError:
        return url
    if not is_public(literal):
        raise InvalidInputError("url", "Use an address on the public internet.")
    return url
