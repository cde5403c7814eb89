"""Getting a small file from a provider's own host: a certificate, or a subscription's confirmation.

The caller has checked the address against the hosts that the provider documents.
"""

from collections.abc import Callable

import requests

from service import outbound
from service.domain.errors import UnavailableError

MAX_BYTES = 64 * 1024
LIMITS = outbound.Limits(
    connect_seconds=3.0, read_seconds=5.0, total_seconds=8.0, answer_bytes=MAX_BYTES
)

Fetch = Callable[[str], bytes]
"""Returns what is at an https address; raises `UnavailableError`."""


def fetch(url: str) -> bytes:
    """GET `url` without redirects, proxies, cookies or credentials; raise `UnavailableError`."""
    try:
        with outbound.session(LIMITS) as session:
            response = session.get(url)
    except (requests.RequestException, OSError) as error:
        raise UnavailableError(type(error).__name__) from None
    if response.status_code != 200:
        raise UnavailableError(f"http_{response.status_code}")
    return bytes(response.content)
