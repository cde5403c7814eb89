"""What an export selects, and the SQL for it: the same texts from both databases."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from service.domain.consent import ConsentKind
from service.domain.files.exchange import (
    DELTA_COLUMNS,
    EXPORT_COLUMNS,
    GUARD,
    GUARD_PATTERN,
    GUARDED_COLUMNS,
    SEPARATORS,
    FileFormat,
)
from service.domain.files.presets import KEILA_DATA_BYTES, KEILA_NAME_LENGTH, MAX_LENGTHS
from service.domain.subscription import Status
from service.store.sql import Part, Sql, joined, sql

_TIMES = frozenset({"requested_at", "confirmed_at", "ended_at"})
_SPACE = sql(
    "{find}(person.name, ' ')",
    find=Sql(postgresql="strpos", sqlite="instr"),
)
_FIRST_NAME = sql(
    "(CASE WHEN {space} > 0 THEN substr(person.name, 1, {space} - 1) ELSE person.name END)",
    space=_SPACE,
)
_LAST_NAME = sql("(CASE WHEN {space} > 0 THEN substr(person.name, {space} + 1) END)", space=_SPACE)
_TIME = Sql(
    postgresql="replace(({source} AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'",
    sqlite="rtrim(rtrim(substr({source}, 1, 26), '0'), '.') || 'Z'",
)
"""A time as ISO 8601 with Z, without trailing zeros."""
SOURCES: Mapping[str, Part] = {
    "email": "person.email",
    "name": "person.name",
    "list": "mailing_list.slug",
    "status": "held.status",
    "locale": "person.locale",
    "source": "held.source",
    "requested_at": "held.requested_at",
    "confirmed_at": "held.confirmed_at",
    "ended_at": "held.ended_at",
    "ended_reason": "held.ended_reason",
    "consent_text_version": "held.consent_text_version",
    "attributes": "person.attributes",
    "id": "person.id",
    "erased_at": "NULL",
    "first_name": _FIRST_NAME,
    "last_name": _LAST_NAME,
    "keila_first_name": sql(
        "substr({name}, 1, {longest})", name=_FIRST_NAME, longest=KEILA_NAME_LENGTH
    ),
    "keila_last_name": sql(
        "substr({name}, 1, {longest})", name=_LAST_NAME, longest=KEILA_NAME_LENGTH
    ),
    "keila_data": "person.attributes",
    "keila_status": "(CASE held.status WHEN 'confirmed' THEN 'active' ELSE 'unsubscribed' END)",
}
"""The SQL of each column that a query gives."""

JSON_COLUMNS = ("attributes", "keila_data")

_SUBSCRIPTIONS = """
SELECT {columns}
FROM subscriptions AS held
JOIN subscribers AS person ON person.id = held.subscriber_id
JOIN mailing_lists AS mailing_list ON mailing_list.id = held.mailing_list_id
{suppressed}
{where}
ORDER BY {first}, held.mailing_list_id
"""
_BY_PERSON = "held.subscriber_id"
# SQLite would go along the key, over everybody, only to be spared sorting the few that changed.
# A plus before a column keeps it from that, here and where the erased are grouped.
_FEW_BY_PERSON = Sql(postgresql=_BY_PERSON, sqlite=f"+{_BY_PERSON}")
# SQL cannot make the keyed hash of an address. A suppression without `email_key` is from before an
# erasure: a new confirmation lifts `erased`, and nobody confirms against any other reason.
_SUPPRESSED = "LEFT JOIN suppressions AS suppressed ON suppressed.email_key = person.email_key"
# On the column joined by, so that the planner sees that nothing must match.
_NOT_SUPPRESSED = "suppressed.email_key IS NULL"
_FILTERS = {
    "list_id": "held.mailing_list_id = :list_id",
    "status": "held.status = :status",
    "locale": "person.locale = :locale",
    "source": "held.source = :source",
    "requested_from": "held.requested_at >= :requested_from",
    "requested_to": "held.requested_at < :requested_to",
    "since": "held.updated_at >= :since",
}
# Of the erased the ledger keeps the id and nothing else, so that only the list can be filtered by.
_ERASED = """
SELECT {columns}
FROM consent_events AS gone
{where}
GROUP BY {person}
ORDER BY gone.subscriber_id
"""
_ERASED_FILTERS = {
    "list_id": "gone.mailing_list_id = :list_id",
    "since": "gone.at >= :since",
}
# A literal, so that any plan can use the partial index of the erased.
_IS_ERASED = f"gone.kind = '{ConsentKind.ERASED.value}'"
_LINK_COLUMNS = (
    "held.subscriber_id",
    "held.mailing_list_id",
    "held.epoch",
    "held.requested_at",
)
_NO_LINK = ("NULL",) * len(_LINK_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which subscriptions and columns a file has, and how they are written."""

    format: FileFormat = FileFormat.CSV
    columns: tuple[str, ...] = EXPORT_COLUMNS
    titles: tuple[str, ...] = ()
    """The columns' titles in the file, if they are not their names."""
    guarded: frozenset[str] = GUARDED_COLUMNS
    """Columns of a CSV file whose cells no spreadsheet may run."""
    has_mark: bool = False
    """Whether a CSV file begins with a byte order mark."""
    list_id: UUID | None = None
    list_ids: tuple[UUID, ...] | None = None
    """Only these lists, also if `list_id` names another; None means all."""
    status: Status | None = None
    locale: str | None = None
    source: str | None = None
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    """Only those requested before this time."""
    since: datetime | None = None
    """Only subscriptions that changed at this time or later."""
    without_suppressed: bool = False
    """Leave out the addresses that are not to be mailed."""

    @property
    def header(self) -> tuple[str, ...]:
        """The columns as the file calls them."""
        return self.titles or self.columns

    @property
    def has_erased(self) -> bool:
        """Whether rows for the erased follow: in a file of changes that has room for them."""
        return self.since is not None and set(DELTA_COLUMNS) <= set(self.columns)


Query = tuple[Sql, Mapping[str, Any]]
"""A statement and its values."""


def queries(selection: Selection, *, guarded: bool = False, linked: bool = False) -> list[Query]:
    """Return the queries whose rows make the file, in order.

    `guarded` ones are for a CSV file that PostgreSQL writes itself. `linked` ones begin with what
    an unsubscribe link is made of, NULL for an erased person.
    """
    found = [_subscriptions(selection, guarded=guarded, linked=linked)]
    if selection.has_erased:
        found.append(_erased(selection, linked=linked))
    return found


def _subscriptions(selection: Selection, *, guarded: bool, linked: bool) -> Query:
    columns = _selected(
        selection,
        lambda name: _column(
            name,
            guarded=guarded and name in selection.guarded,
            is_csv=guarded,
            linked=linked,
        ),
    )
    conditions, values = _filtered(selection, _FILTERS, "held.mailing_list_id")
    if selection.without_suppressed:
        conditions.append(_NOT_SUPPRESSED)
    statement = sql(
        _SUBSCRIPTIONS,
        columns=joined(", ", [*(_LINK_COLUMNS if linked else ()), *columns]),
        suppressed=_SUPPRESSED if selection.without_suppressed else "",
        where=f"WHERE {' AND '.join(conditions)}" if conditions else "",
        first=_FEW_BY_PERSON if selection.since is not None else _BY_PERSON,
    )
    return statement, values | (_GUARD_VALUES if guarded else {})


def _erased(selection: Selection, *, linked: bool) -> Query:
    sources: dict[str, Part] = {
        "id": "gone.subscriber_id",
        "erased_at": sql(_TIME, source="max(gone.at)"),
    }
    columns = _selected(selection, lambda name: sources.get(name, "NULL"))
    conditions, values = _filtered(selection, _ERASED_FILTERS, "gone.mailing_list_id")
    statement = sql(
        _ERASED,
        columns=joined(", ", [*(_NO_LINK if linked else ()), *columns]),
        person=Sql(postgresql="gone.subscriber_id", sqlite="+gone.subscriber_id"),
        where=f"WHERE {' AND '.join([_IS_ERASED, *conditions])}",
    )
    return statement, values


def _filtered(
    selection: Selection, filters: Mapping[str, str], list_column: str
) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions of what is chosen, with their values."""
    values = {name: value for name in filters if (value := getattr(selection, name)) is not None}
    conditions = [filters[name] for name in values]
    if selection.list_ids is not None:
        allowed = {f"allowed_{place}": id_ for place, id_ in enumerate(selection.list_ids)}
        conditions.append(f"{list_column} IN ({', '.join(f':{name}' for name in allowed)})")
        values |= allowed
    return conditions, values


def _selected(selection: Selection, column: Callable[[str], Part]) -> Iterator[Sql]:
    for name, title in zip(selection.columns, selection.header, strict=True):
        if name in SOURCES:
            yield sql('{column} AS "{title}"', column=column(name), title=title)


def _column(name: str, *, guarded: bool, is_csv: bool, linked: bool) -> Part:
    """Return the SQL of a column as text."""
    source = SOURCES[name]
    if name in _TIMES:
        return sql(_TIME, source=source)
    if name in JSON_COLUMNS:
        return _json_column(name, is_csv=is_csv, linked=linked)
    if guarded:
        return _guarded(source, name)
    return source


def _json_column(name: str, *, is_csv: bool, linked: bool) -> Sql:
    words = "{source}"
    if name == "keila_data":
        words = "(CASE WHEN octet_length({source}::text) <= {bytes} THEN {source} END)"
    if linked:
        words += "::text"  # the driver would parse it, only to have it written again
    elif is_csv:
        words = f"replace(replace({words}::text, ';', '\\u003b'), '|', '\\u007c')"
    return sql(
        Sql(postgresql=words, sqlite="{source}"), source=SOURCES[name], bytes=KEILA_DATA_BYTES
    )


_SEPARATOR_NAMES = {each: f"separator_{place}" for place, each in enumerate(SEPARATORS)}
_GUARD_VALUES = {
    "guard_pattern": GUARD_PATTERN,
    "guard": GUARD,
    **{name: each for each, name in _SEPARATOR_NAMES.items()},
}
_SEPARATORS_IN = {"email": "|", "locale": ""}
"""What can separate cells in texts that are checked wherever they come in (RFC 5321's atext)."""


def _guarded(source: Part, name: str) -> Sql:
    """Return the SQL of what `guard` does to a text, on PostgreSQL."""
    # Most texts begin with a letter and have no separator in them, which is cheap to see.
    is_odd = [
        "{source} COLLATE \"C\" < 'A'",
        "{source} COLLATE \"C\" > 'z'",
        *(
            f'strpos({{source}} COLLATE "C", :{_SEPARATOR_NAMES[each]}) > 0'
            for each in _SEPARATORS_IN.get(name, SEPARATORS)
        ),
    ]
    found = sql(
        f"CASE WHEN {' OR '.join(is_odd)} "
        "THEN regexp_replace({source}, :guard_pattern, :guard, 'g') ELSE {source} END",
        source=source,
    )
    longest = MAX_LENGTHS.get(name)
    return sql("substr({found}, 1, {longest})", found=found, longest=longest) if longest else found
