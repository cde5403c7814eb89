"""Getting a small file from a provider's own host: a certificate, or a subscription's confirmation.

Whoever calls has checked the address against the hosts that the provider documents.
"""

from collections.abc import Callable
from contextlib import closing

import requests
from urllib3.exceptions import HTTPError

from service.domain.errors import UnavailableError

CONNECT_SECONDS = 3.0
READ_SECONDS = 5.0
MAX_BYTES = 64 * 1024

Fetch = Callable[[str], bytes]
"""Returns what is at an https address; raises `UnavailableError`."""


def fetch(url: str) -> bytes:
    """GET `url` without redirects, proxies, cookies or credentials; raise `UnavailableError`."""
    session = requests.Session()
    session.trust_env = False
    try:
        with (
            closing(session),
            closing(
                session.get(
                    url,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,
                )
            ) as response,
        ):
            body: bytes = response.raw.read(MAX_BYTES, decode_content=True)
            if response.status_code != 200:
                raise UnavailableError(f"http_{response.status_code}")
            return body
    except (requests.RequestException, HTTPError, OSError) as error:
        raise UnavailableError(type(error).__name__) from None
