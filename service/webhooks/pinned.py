"""Where a call to a receiver may go: the very address that was checked.

The name is resolved once, by us, and never again: an answer of DNS that changes between the look
and the call changes nothing. Host header, SNI and certificate are still those of the name.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from service.deadline import AddressInfo, Deadline, Resolver, look_up
from service.domain.webhooks.target import is_public


class TargetError(Exception):
    """The target cannot be called. `code` is short and holds no part of the URL."""

    def __init__(self, code: str) -> None:
        """Keep the code."""
        super().__init__(code)
        self.code = code


def checked_look_up(
    *, allow_private: bool, resolver: Resolver = socket.getaddrinfo
) -> Callable[[str, int, Deadline], Sequence[AddressInfo]]:
    """Return what says where a receiver's name leads, within the call's deadline.

    It raises `TargetError` where that is nowhere, or, without `allow_private`, where any of its
    addresses is not on the public Internet: a name that leads to both is refused as a whole.
    """

    def resolve(host: str, port: int, deadline: Deadline) -> Sequence[AddressInfo]:
        try:
            found = look_up(host, port, deadline, resolver=resolver)
        except TimeoutError:
            raise
        except OSError:
            raise TargetError("name_unknown") from None
        if not found:
            raise TargetError("name_unknown")
        if not allow_private and not all(is_public(ip_address(each[4][0])) for each in found):
            raise TargetError("target_not_public")
        return found

    return resolve
