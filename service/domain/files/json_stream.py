"""A JSON object (RFC 8259) written piece by piece, whose arrays may be longer than memory holds."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ITEMS = 100
"""Of an array, written at once."""


def stream_object(members: Mapping[str, Any], arrays: Mapping[str, Iterable[Any]]) -> Iterator[str]:
    """Go through the text of an object with these members and, after them, these arrays.

    Each array is gone through once, when its turn comes.
    """
    lead = "{"
    for name, value in members.items():
        yield f"{lead}{_text(name)}:{_text(value)}"
        lead = ","
    for name, items in arrays.items():
        yield f"{lead}{_text(name)}:["
        lead, pieces = ",", list[str]()
        is_first = True
        for item in items:
            pieces.append(_text(item))
            if len(pieces) == ITEMS:
                yield ("" if is_first else ",") + ",".join(pieces)
                is_first, pieces = False, []
        if pieces:
            yield ("" if is_first else ",") + ",".join(pieces)
        yield "]"
    yield "}\n" if lead == "," else "{}\n"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
