"""JSON (RFC 8259), read strictly."""

import json
import math
from typing import Any, NoReturn


def read_json(text: str) -> Any:
    """Return what the text says.

    Raises `ValueError`, also for NaN, numbers beyond a float's range, and nesting without end.
    """
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError("a number is too large")
    return number
