"""Evidence of consent: what the ledger keeps of each act, and how much of the network address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from uuid import UUID

from service.domain.network import read_ip

CONSENT_TEXT_VERSION = "1"
"""Version of the built-in consent text, which a list has until it is given its own."""


class ConsentKind(StrEnum):
    """What an entry in the ledger says happened."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"
    RESUMED = "resumed"
    REASON = "reason_given"
    IMPORTED = "imported"
    ERASED = "erased"


class IpPolicy(StrEnum):
    """How much of a network address the ledger keeps."""

    NONE = "none"
    TRUNCATED = "truncated"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The circumstances of an act. `source` is the form or page, `ip` is kept as policy allows.

    `shown_texts` is what the form or page says that it showed: for each list, by id, the version
    of its consent text.
    """

    source: str | None = None
    locale: str | None = None
    ip: str | None = None
    shown_texts: Mapping[UUID, str] = field(default_factory=dict)


def kept_ip(ip: str | None, policy: IpPolicy) -> str | None:
    """Return what the policy lets the ledger keep: nothing, the /24 or /48 network, or all."""
    address = read_ip(ip)
    if address is None or policy is IpPolicy.NONE:
        return None
    if policy is IpPolicy.FULL:
        return str(address)
    network: IPv4Network | IPv6Network = ip_network(
        (address, 24 if address.version == 4 else 48), strict=False
    )
    return str(network)
