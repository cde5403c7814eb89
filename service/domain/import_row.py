"""One row of an imported file, and what it must bring: consent is never taken on trust."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from service.domain.address import MAX_LENGTH, Address, parse_address
from service.domain.errors import AddressError, InvalidInputError
from service.domain.subscription import EndedReason, Status
from service.domain.text import check_json

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of our clock a time in a file may be."""

MAX_NAME_LENGTH = 200
MAX_SOURCE_LENGTH = 500
MAX_ATTRIBUTES = 50
MAX_ATTRIBUTES_BYTES = 10_000

_PLAIN_LOCAL = re.compile(r"(?=.{1,64}$)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
_TEXT_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A row that is fit to be kept. `list` None means the default list.

    Where `is_asked` the row said `confirmed` and nothing proved it: the person is asked by mail.
    """

    address: Address
    list: str | None
    status: Status
    is_asked: bool
    name: str | None
    locale: str | None
    attributes: dict[str, Any] | None
    source: str | None
    consent_text_version: str | None
    requested_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    """None also where the file does not say when an ended one ended."""
    ended_reason: EndedReason | None


def parse_import_row(cells: Mapping[str, str | None], *, now: datetime) -> ImportRow:
    """Read a row from the cells of the export's columns, absent or empty ones alike.

    `consent_at` and `consent_source` stand in for `confirmed_at` and `source`. A `confirmed` row
    that does not bring both becomes `pending`: nothing else proves the consent. Raises
    `InvalidInputError` that names the column, and never repeats the cell.
    """
    if _UNSTORABLE.search("".join(filter(None, cells.values()))):
        for name, cell in cells.items():
            if cell and _UNSTORABLE.search(cell):
                raise InvalidInputError(name, "holds characters that are not UTF-8 text")
    try:
        address = _address(cells.get("email") or "")
    except AddressError:
        raise InvalidInputError("email", "is not an e-mail address") from None
    status = _choice(cells, "status", Status) or Status.PENDING
    consent_at = _time(cells, "consent_at", now) or _time(cells, "confirmed_at", now)
    source = _text(cells, "consent_source", MAX_SOURCE_LENGTH) or _text(
        cells, "source", MAX_SOURCE_LENGTH
    )
    is_asked = status is Status.CONFIRMED and (consent_at is None or source is None)
    if is_asked:
        status = Status.PENDING
    has_ended = status is Status.UNSUBSCRIBED
    return ImportRow(
        address=address,
        list=cells.get("list") or None,
        status=status,
        is_asked=is_asked,
        name=_text(cells, "name", MAX_NAME_LENGTH),
        locale=_matching(cells, "locale", _LOCALE),
        attributes=_attributes(cells.get("attributes")),
        source=source,
        consent_text_version=_matching(cells, "consent_text_version", _TEXT_VERSION),
        requested_at=_time(cells, "requested_at", now) or consent_at or now,
        confirmed_at=None if status is Status.PENDING else consent_at,
        ended_at=_time(cells, "ended_at", now) if has_ended else None,
        ended_reason=(
            (_choice(cells, "ended_reason", EndedReason) or EndedReason.IMPORTED)
            if has_ended
            else None
        ),
    )


def _address(text: str) -> Address:
    """Do as `parse_address` does, faster for the plain addresses of few domains in a file."""
    local, _, domain = text.rpartition("@")
    if len(text) <= MAX_LENGTH and text.isascii() and _PLAIN_LOCAL.fullmatch(local):
        return Address(typed=text, key=f"{local.lower()}@{_domain_key(domain)}")
    return parse_address(text)


@lru_cache(maxsize=10_000)
def _domain_key(domain: str) -> str:
    return parse_address(f"a@{domain}").domain


def _text(cells: Mapping[str, str | None], name: str, longest: int) -> str | None:
    text = cells.get(name) or None
    if text is not None and len(text) > longest:
        raise InvalidInputError(name, f"is longer than {longest} characters")
    return text


def _matching(cells: Mapping[str, str | None], name: str, pattern: re.Pattern[str]) -> str | None:
    text = cells.get(name) or None
    if text is not None and not pattern.fullmatch(text):
        raise InvalidInputError(name, "is not of the form that it has in an export")
    return text


def _choice(
    cells: Mapping[str, str | None], name: str, choices: "type[Status] | type[EndedReason]"
) -> Any:
    text = cells.get(name)
    if not text:
        return None
    try:
        return choices(text)
    except ValueError:
        raise InvalidInputError(name, f"is not one of {', '.join(choices)}") from None


def _time(cells: Mapping[str, str | None], name: str, now: datetime) -> datetime | None:
    text = cells.get(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise InvalidInputError(name, "has no time zone; write it like 2026-03-01T12:00:00Z")
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            name, "is not an ISO 8601 time; write it like 2026-03-01T12:00:00Z"
        ) from None
    if at > now + CLOCK_SKEW:
        raise InvalidInputError(name, "lies in the future")
    return at


def _attributes(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidInputError("attributes", "are not JSON") from None
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidInputError("attributes", "are not a JSON object")
    check_attributes(value)
    return value


def check_attributes(value: dict[str, Any]) -> None:
    """Raise `InvalidInputError` for attributes that are too many, too long, or cannot be kept."""
    check_json("attributes", value)  # first: it goes level by level, and no depth overwhelms it
    if len(value) > MAX_ATTRIBUTES:
        raise InvalidInputError("attributes", f"are more than {MAX_ATTRIBUTES} names")
    if len(json.dumps(value, ensure_ascii=False)) > MAX_ATTRIBUTES_BYTES:
        raise InvalidInputError("attributes", f"are longer than {MAX_ATTRIBUTES_BYTES} bytes")


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
