"""Calls to the identity provider, and one name of ours for each way in which they fail.

What failed is logged as a short code, never by its text: that may hold a token or an address.
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from urllib3.exceptions import HTTPError

from service import outbound
from service.domain.errors import IssuerAnswerError, IssuerUnavailableError

LIMITS = outbound.Limits(
    connect_seconds=3.0, read_seconds=5.0, total_seconds=8.0, answer_bytes=2**20
)

_CODE = re.compile(r"[a-z_]{1,40}")
_log = structlog.get_logger(__name__)


@contextmanager
def calling(session: OAuth2Session) -> Iterator[OAuth2Session]:
    """Use the session for the block, each call within the limits.

    Raises `IssuerUnavailableError` where the provider is out of reach, `IssuerAnswerError` where
    what it says cannot be understood or trusted.
    """
    outbound.guard(session, LIMITS)
    with closing(session):
        try:
            yield session
        except requests.exceptions.JSONDecodeError:
            raise answer_error("no_json") from None
        except (requests.RequestException, HTTPError, OSError) as error:
            raise unavailable_error(type(error).__name__) from None
        except (AuthlibBaseError, JoseError) as error:
            raise answer_error(code_of(error.error)) from None
        except (LookupError, TypeError, ValueError, AttributeError):
            raise answer_error("not_understood") from None


def get_json(session: OAuth2Session, url: str, *, with_token: bool = False) -> dict[str, Any]:
    """GET an object, with the access token only where that is asked for; redirects are not taken.

    Goes inside `calling`.
    """
    answer = session.get(url, withhold_token=not with_token, allow_redirects=False)
    if answer.status_code >= 500:
        raise unavailable_error(f"http_{answer.status_code}")
    if answer.status_code != 200:
        raise answer_error(f"http_{answer.status_code}")
    found = answer.json()
    if not isinstance(found, dict):
        raise answer_error("no_object")
    return found


def code_of(text: object) -> str:
    """Return an error code of the protocol, or `unknown` for whatever does not look like one."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else "unknown"


def unavailable_error(code: str) -> IssuerUnavailableError:
    """Log that the provider is out of reach and return the error to raise."""
    _log.warning("identity provider out of reach", reason=code)
    return IssuerUnavailableError(code)


def answer_error(code: str) -> IssuerAnswerError:
    """Log what is wrong with the provider's answer and return the error to raise."""
    _log.warning("identity provider's answer not usable", reason=code)
    return IssuerAnswerError(code)
