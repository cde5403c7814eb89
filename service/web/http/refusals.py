"""Requests that are refused before anything is done for them: counted, and logged now and then.

Strangers cause them in any number. So a kind is one line a minute at most, without the address
that it came from.
"""

from service.counting import REFUSED, Refusal, numbers
from service.log import Sometimes

_refused = Sometimes("requests refused")


def note_refusal(reason: Refusal, *, detail: str = "") -> None:
    """Count a refusal. `detail` is one of few: the limit that was reached, the provider."""
    numbers.add((REFUSED, reason))
    _refused.warn(f"{reason} {detail}".strip())
