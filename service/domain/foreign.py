"""Files of other newsletter tools: how to tell one by its header, and what its columns mean here.

Columns that no table names are left out. A tool says that an address is active, seldom when and
where its owner confirmed; such a row comes without evidence and is asked anew. docs/files.md tells
where the formats are from.
"""

import ast
import json
import re
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from service.domain.errors import InvalidInputError
from service.domain.subscription import EndedReason, Status

Ended = tuple[Status, EndedReason | None]
Cells = dict[str, str | None]

_ACTIVE: Ended = (Status.CONFIRMED, None)
_WAITS: Ended = (Status.PENDING, None)
_LEFT: Ended = (Status.UNSUBSCRIBED, EndedReason.IMPORTED)
_BOUNCED: Ended = (Status.UNSUBSCRIBED, EndedReason.HARD_BOUNCE)
_COMPLAINED: Ended = (Status.UNSUBSCRIBED, EndedReason.COMPLAINT)
# After the offset Go writes the zone's name, or the offset once more where it has none.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?)\d*\s*(Z|[+-]\d\d:?\d\d)?"
    r"(?: (?:[A-Za-z]+|[+-]\d\d(?:\d\d)?))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool's file: what its titles (in lower case) are here, and what its words for status are.

    `first_name` and `last_name` make one name, `left_at` and `bounced_at` an end, and
    `confirmed_from` (the network address of the click) stands for the confirmation itself.
    """

    name: str
    signs: frozenset[str]
    """Titles that are all there in this tool's file, and not all in any other's."""
    columns: Mapping[str, str]
    statuses: Mapping[str, Ended]
    address_title: re.Pattern[str] | None = None
    """What the address's title has in it where titles are in the account's language."""
    active_sign: str | None = None
    """A title without which a file that tells of ends holds nobody else."""
    has_opt_in_times: bool = False
    """Whether whoever has neither time, though the file has both columns, never opted in."""


_MAILCHIMP_COLUMNS = {
    "email address": "email",
    "name": "name",
    "first name": "first_name",
    "last name": "last_name",
    "vorname": "first_name",
    "nachname": "last_name",
    "optin_time": "requested_at",
    "confirm_time": "confirmed_at",
    "confirm_ip": "confirmed_from",
    "unsub_time": "left_at",
    "clean_time": "bounced_at",
}

TOOLS = (
    Tool(
        name="listmonk",
        signs=frozenset({"uuid", "email", "attributes", "status"}),
        columns={
            "email": "email",
            "name": "name",
            "attributes": "attributes",
            "status": "status",
            "created_at": "requested_at",
        },
        statuses={
            "enabled": _ACTIVE,
            "disabled": _LEFT,
            "blocklisted": _LEFT,
            # A list's own words, which no export has: whoever knows them better may write them in.
            "confirmed": _ACTIVE,
            "unconfirmed": _WAITS,
            "unsubscribed": _LEFT,
        },
    ),
    *(
        Tool(
            name="mailchimp",
            signs=signs,
            columns=_MAILCHIMP_COLUMNS,
            statuses={"": _ACTIVE},
            address_title=re.compile("mail|correo"),
            active_sign="last_changed",
            has_opt_in_times=True,
        )
        for signs in (
            frozenset({"email address"}),
            frozenset({"optin_time", "confirm_time", "leid", "euid"}),
        )
    ),
    Tool(
        name="keila",
        signs=frozenset({"email", "first name", "last name"}),
        columns={
            "email": "email",
            "first name": "first_name",
            "last name": "last_name",
            "data": "attributes",
            "status": "status",
        },
        statuses={"": _ACTIVE, "active": _ACTIVE, "unsubscribed": _LEFT, "unreachable": _BOUNCED},
    ),
    *(
        Tool(
            name="buttondown",
            signs=frozenset({address, "creation_date"}),
            columns={
                address: "email",
                "name": "name",
                "metadata": "attributes",
                "type": "status",
                "subscriber_type": "status",
                "referrer_url": "source",
                "creation_date": "requested_at",
                "unsubscription_date": "left_at",
            },
            statuses={
                **dict.fromkeys(("", "regular", "premium", "gifted", "trialed", "paid"), _ACTIVE),
                # Who pays, or does not yet or any longer, is subscribed all the same.
                **dict.fromkeys(("past_due", "churning", "churned"), _ACTIVE),
                **dict.fromkeys(("paused", "unpaid", "upcoming"), _ACTIVE),
                "unactivated": _WAITS,
                **dict.fromkeys(("unsubscribed", "removed", "disabled", "blocked"), _LEFT),
                "spammy": _LEFT,
                **dict.fromkeys(("undeliverable", "malformed"), _BOUNCED),
                "complained": _COMPLAINED,
            },
        )
        for address in ("email", "email_address")
    ),
)


def tool_of(titles: Sequence[str]) -> Tool | None:
    """Return whose file has this header (titles in lower case), or None."""
    given = set(titles)
    return next((tool for tool in TOOLS if tool.signs <= given), None)


def translated(tool: Tool, cells: Mapping[str, str | None]) -> Cells:
    """Return a row of a tool's file, its cells by title in the file's order, in our own columns.

    Raises `InvalidInputError` for a status that the tool is not known to have.
    """
    given = {tool.columns[title]: cell for title, cell in cells.items() if title in tool.columns}
    if "email" not in given:
        given["email"] = _address_cell(tool, cells)
    names = [given.pop(name, None) or "" for name in ("first_name", "last_name")]
    if name := " ".join(part.strip() for part in names if part.strip()):
        given["name"] = name
    if attributes := given.get("attributes"):
        given["attributes"] = _json(attributes)
    status, reason = _status(tool, given, titles=cells)
    if _take_opt_in(tool, given) is False and status is Status.CONFIRMED:
        status, reason = _WAITS
    return {**given, "status": status.value, "ended_reason": reason and reason.value}


def _address_cell(tool: Tool, cells: Mapping[str, str | None]) -> str | None:
    """Return the first cell whose title has in it what marks the address's."""
    for title, cell in cells.items():
        # The kind of mail someone wants is not where it goes.
        if tool.address_title and tool.address_title.search(title) and title != "email_type":
            return cell
    return None


def _status(tool: Tool, given: Cells, *, titles: Container[str]) -> Ended:
    """Return how the person stands, and put the time of an end where ours is."""
    word = (given.pop("status", None) or "").strip().lower()
    if word not in tool.statuses:
        raise InvalidInputError("status", f"is none that {tool.name} is known to have")
    found = tool.statuses[word]
    has_active = tool.active_sign is None or tool.active_sign in titles
    for column, ended in (("left_at", _LEFT), ("bounced_at", _BOUNCED)):
        is_told = column in given
        at = given.pop(column, None)
        if at or (is_told and not has_active):
            given["ended_at"] = _iso(at)
            if found[0] is not Status.UNSUBSCRIBED or ended is _BOUNCED:
                found = ended
    return found


def _take_opt_in(tool: Tool, given: Cells) -> bool | None:
    """Put the times of asking and confirming where ours are, and say whether there is any.

    None where the file does not tell. A confirmation is one only if it came from somewhere, and
    after the asking: whoever joined by one step has the same time twice.
    """
    is_told = tool.has_opt_in_times and {"requested_at", "confirmed_at"} <= given.keys()
    confirmed_from = given.pop("confirmed_from", None)
    confirmed_at = _iso(given.pop("confirmed_at", None))
    requested_at = _iso(given.pop("requested_at", None))
    if confirmed_from and _is_before(requested_at, confirmed_at):
        given["confirmed_at"] = confirmed_at
        given["source"] = f"confirmed with {tool.name}"
    given["requested_at"] = requested_at or confirmed_at
    return bool(given["requested_at"]) if is_told else None


def _iso(text: str | None) -> str | None:
    """Write a tool's time as ISO 8601. One without a zone is taken for UTC."""
    found = _TIME.fullmatch((text or "").strip())
    if found is None:
        return text
    day, time, zone = found.groups()
    return f"{day}T{time}{zone or 'Z'}"


def _is_before(first: str | None, second: str | None) -> bool:
    try:
        return bool(first and second) and (
            datetime.fromisoformat(first or "") < datetime.fromisoformat(second or "")
        )
    except (ValueError, TypeError):
        return False


def _json(text: str) -> str:
    """Return JSON for an object that is written as Python writes it; else the text as it is."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        with suppress(ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return json.dumps(ast.literal_eval(text))
    return text
