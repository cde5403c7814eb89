"""Files of other newsletter tools: how to tell one by its header, and what its columns mean here.

Columns that no table names are left out. A tool says that an address is active, seldom when and
where its owner confirmed; such a row comes without evidence and is asked anew.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.domain.errors import InvalidInputError
from service.domain.subscription import EndedReason, Status

Ended = tuple[Status, EndedReason | None]

_ACTIVE: Ended = (Status.CONFIRMED, None)
_WAITS: Ended = (Status.PENDING, None)
_LEFT: Ended = (Status.UNSUBSCRIBED, EndedReason.IMPORTED)
_BOUNCED: Ended = (Status.UNSUBSCRIBED, EndedReason.HARD_BOUNCE)
_COMPLAINED: Ended = (Status.UNSUBSCRIBED, EndedReason.COMPLAINT)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d)?(?:\.\d{1,6})?)\d*\s*(Z|[+-]\d\d:?\d\d)?(?: [A-Z]+)?"
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
        statuses={"enabled": _ACTIVE, "disabled": _LEFT, "blocklisted": _LEFT},
    ),
    Tool(
        name="mailchimp",
        signs=frozenset({"email address"}),
        columns={
            "email address": "email",
            "first name": "first_name",
            "last name": "last_name",
            "optin_time": "requested_at",
            "confirm_time": "confirmed_at",
            "confirm_ip": "confirmed_from",
            "unsub_time": "left_at",
            "clean_time": "bounced_at",
        },
        statuses={"": _ACTIVE},
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
                **dict.fromkeys(("past_due", "churning", "churned"), _ACTIVE),
                "unactivated": _WAITS,
                **dict.fromkeys(("unsubscribed", "removed", "disabled", "blocked"), _LEFT),
                **dict.fromkeys(("spammy", "unpaid", "upcoming"), _LEFT),
                "undeliverable": _BOUNCED,
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


def translated(tool: Tool, cells: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return a row of a tool's file in our own columns.

    Raises `InvalidInputError` for a status that the tool is not known to have.
    """
    given = {tool.columns[title]: cell for title, cell in cells.items() if title in tool.columns}
    word = (given.pop("status", "") or "").strip().lower()
    if word not in tool.statuses:
        raise InvalidInputError("status", f"is none that {tool.name} is known to have")
    status, reason = tool.statuses[word]
    names = [given.pop(name, None) or "" for name in ("first_name", "last_name")]
    left_at, bounced_at = given.pop("left_at", None), given.pop("bounced_at", None)
    if left_at or bounced_at:
        status, reason = _BOUNCED if bounced_at else _LEFT
        given["ended_at"] = _iso(left_at or bounced_at)
    confirmed_from = given.pop("confirmed_from", None)
    confirmed_at = given.pop("confirmed_at", None)
    if confirmed_from and confirmed_at:
        given["confirmed_at"] = _iso(confirmed_at)
        given["source"] = f"confirmed with {tool.name}"
    if given.get("requested_at"):
        given["requested_at"] = _iso(given["requested_at"])
    if name := " ".join(part.strip() for part in names if part.strip()):
        given["name"] = name
    return {**given, "status": status.value, "ended_reason": reason and reason.value}


def _iso(text: str | None) -> str | None:
    """Write a tool's time as ISO 8601. One without a zone is taken for UTC."""
    found = _TIME.fullmatch((text or "").strip())
    if found is None:
        return text
    day, time, zone = found.groups()
    return f"{day}T{time}{zone or 'Z'}"
