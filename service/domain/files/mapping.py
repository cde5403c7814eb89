"""What somebody says of a file's columns, as text: `TITLE:COLUMN` and `TITLE:WORD:MEANING`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from service.domain.errors import InvalidInputError
from service.domain.files.columns import OWN_COLUMNS, TARGETS, Choice
from service.domain.files.meanings import Meaning, word_key
from service.domain.files.titles import title_key

_KNOWN = OWN_COLUMNS | set(TARGETS)


def parse_mapping(columns: Iterable[str], meanings: Iterable[str]) -> dict[str, Choice]:
    """Return what columns are, by `title_key`.

    `columns` are `TITLE:COLUMN` or JSON objects `{"TITLE": "COLUMN"}`, in which
    `{"TITLE": {"column": "status", "words": {"WORD": "MEANING"}}}` explains the words of a status.
    `meanings` are `TITLE:WORD:MEANING`; a title in them needs no entry among the columns.
    Raises `InvalidInputError` for `map` or `meaning`.
    """
    targets: dict[str, str] = {}
    words: dict[str, dict[str, Meaning]] = {}
    for text in columns:
        for title, said in _entries(text):
            if isinstance(said, dict):
                targets[title] = _target(said.get("column", "status"))
                words.setdefault(title, {}).update(_words(said.get("words", {})))
            else:
                targets[title] = _target(said)
    for text in meanings:
        title, word, meaning = _parts(text, targets)
        targets.setdefault(title, "status")
        words.setdefault(title, {})[word] = _meaning("meaning", meaning)
    for title in words:
        if words[title] and targets[title] != "status":
            raise InvalidInputError("meaning", "Only a status column has meanings.")
    return {
        title: Choice(target=target, words=words.get(title, {}))
        for title, target in targets.items()
    }


def _entries(text: str) -> Iterable[tuple[str, Any]]:
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise InvalidInputError("map", "This is not a JSON object of titles and columns.")
        return [(title_key(title), said) for title, said in value.items()]
    title, colon, target = text.rpartition(":")
    if not colon:
        raise InvalidInputError("map", "Write it as TITLE:COLUMN, for example Status:status.")
    return [(title_key(title), target)]


def _parts(text: str, targets: Mapping[str, str]) -> tuple[str, str, str]:
    """Split `TITLE:WORD:MEANING`; a title with colons in it is found among those of `map`."""
    said, _, meaning = text.rpartition(":")
    key = title_key(said)
    for title in sorted(targets, key=len, reverse=True):
        if key.startswith(f"{title}:"):
            return title, word_key(key[len(title) + 1 :]), meaning
    title, colon, word = said.partition(":")
    if not colon:
        raise InvalidInputError(
            "meaning", "Write it as TITLE:WORD:MEANING, for example Status:Active:confirmed."
        )
    return title_key(title), word_key(word), meaning


def _target(said: object) -> str:
    target = said.strip().lower() if isinstance(said, str) else ""
    if target not in _KNOWN:
        raise InvalidInputError("map", f"Use one of these columns: {', '.join(TARGETS)}.")
    return target


def _words(said: object) -> dict[str, Meaning]:
    if not isinstance(said, dict):
        raise InvalidInputError("map", "Give a JSON object of words and meanings.")
    return {word_key(word): _meaning("map", meaning) for word, meaning in said.items()}


def _meaning(field: str, said: object) -> Meaning:
    try:
        return Meaning(said.strip().lower() if isinstance(said, str) else "")
    except ValueError:
        raise InvalidInputError(field, f"Use one of {', '.join(Meaning)}.") from None
