"""Limits of requests: who counts as one client or network, and what is counted against what.

Nothing here depends on what the database holds, so that no limit tells who is on a list.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from service.domain.errors import NewsflashError
from service.domain.letters import ascii_domain
from service.domain.network import read_ip

UNKNOWN = "unknown"
"""Stands for a client whose address is not given or cannot be read."""

MAX_NAME_LENGTH = 255
"""What is counted by a name from outside is cut here: no DNS name is longer (RFC 1035, 2.3.4)."""

LARGE_PROVIDER_FACTOR = 10
# fmt: off
LARGE_PROVIDERS = frozenset({
    "126.com", "163.com", "aol.com", "bk.ru", "comcast.net", "fastmail.com", "free.fr",
    "freenet.de", "gmail.com", "gmx.at", "gmx.ch", "gmx.de", "gmx.net", "googlemail.com",
    "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.fr", "hotmail.it", "icloud.com",
    "inbox.ru", "laposte.net", "libero.it", "list.ru", "live.com", "mac.com", "mail.com",
    "mail.de", "mail.ru", "me.com", "msn.com", "naver.com", "orange.fr", "outlook.com",
    "outlook.de", "outlook.fr", "posteo.de", "proton.me", "protonmail.com", "qq.com",
    "t-online.de", "web.de", "wp.pl", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.de",
    "yahoo.fr", "yandex.ru", "ymail.com",
})
# fmt: on
"""Domains at which a large part of all people have their mailbox: a crowd there is no sign."""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` requests within a window of `seconds`."""

    amount: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is limited, each by one window or more."""

    client: tuple[Limit, ...] = ()
    network: tuple[Limit, ...] = ()
    mailing_list: tuple[Limit, ...] = ()
    domain: tuple[Limit, ...] = ()
    """Of recipients' addresses; the large mailbox providers may have ten times as many."""
    overall: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Quota:
    """One counter to count a request on: `policy` says which rule, `key` for whom or what."""

    policy: str
    key: str
    limit: Limit
    is_told: bool = False
    """Whether the client may know how much is left: of its own counters, not of everybody's."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter after the request was counted on it."""

    quota: Quota
    count: int
    reset_seconds: int
    """Until the window ends."""

    @property
    def remaining(self) -> int:
        """How many more requests fit into the window."""
        return max(0, self.quota.limit.amount - self.count)

    @property
    def is_exceeded(self) -> bool:
        """Tell whether this request is one too many."""
        return self.count > self.quota.limit.amount

    @property
    def share(self) -> float:
        """How full the window is; more than 1 where it is exceeded."""
        return self.count / self.quota.limit.amount


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from, as it is counted."""

    client: str
    """The IPv4 address, or the /64 of IPv6: what one household or machine is given."""
    network: str
    """The /24 of IPv4, or the /48 of IPv6: what one site is given (RFC 6177)."""


def origin_of(ip: str | None) -> Origin:
    """Return how a client's address is counted."""
    address = read_ip(ip)
    if address is None:
        return Origin(UNKNOWN, UNKNOWN)
    packed = address.packed
    if isinstance(address, IPv4Address):
        return Origin(packed.hex(), packed[:3].hex())
    return Origin(packed[:8].hex(), packed[:6].hex())


def domain_of(email: str) -> str:
    """Return the part behind the at sign under which recipients are counted, of any text.

    It is in its ASCII form: one domain written in many ways is one.
    """
    domain = email.strip().rpartition("@")[2][:MAX_NAME_LENGTH]
    # Of an ASCII domain that form is itself; this is asked of every signup.
    return (domain if domain.isascii() else ascii_domain(domain)).lower()[:MAX_NAME_LENGTH]


def quotas_of(
    limits: Limits, *, origin: Origin | None, lists: Sequence[str], domain: str
) -> Iterator[Quota]:
    """Go through the counters of one signup: the client's own first.

    So a client that is refused uses up nothing of what others share. Without `origin` (a request
    that proved itself by a key) only what is shared is counted.
    """
    if origin is not None:
        yield from _quotas("client", origin.client, limits.client, is_told=True)
        yield from _quotas("network", origin.network, limits.network, is_told=True)
    for slug in lists:
        yield from _quotas("list", slug, limits.mailing_list)
    factor = LARGE_PROVIDER_FACTOR if domain in LARGE_PROVIDERS else 1
    wider = tuple(Limit(each.amount * factor, each.seconds) for each in limits.domain)
    yield from _quotas("domain", domain, wider)
    yield from _quotas("overall", "", limits.overall)


def quotas_of_act(limits: Limits, *, act: str, client: str) -> Iterator[Quota]:
    """Go through the counters of a request for something else than a signup.

    Each such act has the client's limits for itself.
    """
    yield from _quotas(act, client, limits.client, is_told=True)


def _quotas(
    name: str, key: str, limits: Sequence[Limit], *, is_told: bool = False
) -> Iterator[Quota]:
    for limit in limits:
        yield Quota(f"{name}-{limit.seconds}", key, limit, is_told)


class TooManyRequestsError(NewsflashError):
    """A limit of requests is reached: that of the last of the counters in `counted`."""

    def __init__(self, counted: Sequence[Counted]) -> None:
        """Keep the counters."""
        super().__init__()
        self.counted = counted
