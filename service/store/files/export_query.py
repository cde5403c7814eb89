"""What an export selects, and the SQL for it: the same texts from both databases."""

from collections.abc import Callable, Sequence
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
from service.store.types import utc_text

_TIMES = frozenset({"requested_at", "confirmed_at", "ended_at"})
_SPACE = "{find}(person.name, ' ')"
_FIRST_NAME = (
    f"(CASE WHEN {_SPACE} > 0 THEN substr(person.name, 1, {_SPACE} - 1) ELSE person.name END)"
)
_LAST_NAME = f"(CASE WHEN {_SPACE} > 0 THEN substr(person.name, {_SPACE} + 1) END)"
SOURCES = {
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
    "keila_first_name": f"substr({_FIRST_NAME}, 1, {KEILA_NAME_LENGTH})",
    "keila_last_name": f"substr({_LAST_NAME}, 1, {KEILA_NAME_LENGTH})",
    "keila_data": "person.attributes",
    "keila_status": "(CASE held.status WHEN 'confirmed' THEN 'active' ELSE 'unsubscribed' END)",
}
"""The SQL of each column that a query gives; `{find}` is the database's search within a text."""

JSON_COLUMNS = ("attributes", "keila_data")

_FROM = """
FROM subscriptions AS held
JOIN subscribers AS person ON person.id = held.subscriber_id
JOIN mailing_lists AS mailing_list ON mailing_list.id = held.mailing_list_id
"""
# The hash of an address is keyed, and SQL cannot make it. What has no `email_key` is from before an
# erasure: `erased` ends with a new confirmation, and any other reason lets nobody confirm.
_SUPPRESSED = "LEFT JOIN suppressions AS barred ON barred.email_key = person.email_key"
_ORDER = " ORDER BY held.subscriber_id, held.mailing_list_id"
_LINK_COLUMNS = (
    "held.subscriber_id",
    "held.mailing_list_id",
    "held.epoch",
    "held.requested_at",
)
_NO_LINK = ("NULL",) * len(_LINK_COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which subscriptions, which columns of them, and how they are written."""

    format: FileFormat = FileFormat.CSV
    columns: tuple[str, ...] = EXPORT_COLUMNS
    titles: tuple[str, ...] = ()
    """What the columns are called in the file, where that is not their names."""
    guarded: frozenset[str] = GUARDED_COLUMNS
    """Columns of a CSV file whose cells no spreadsheet may run."""
    has_mark: bool = False
    """Whether a CSV file begins with a byte order mark."""
    list_id: UUID | None = None
    list_ids: tuple[UUID, ...] | None = None
    """Only these lists, whatever else is chosen; None means all."""
    status: Status | None = None
    locale: str | None = None
    source: str | None = None
    requested_from: datetime | None = None
    requested_to: datetime | None = None
    """Only those requested before this time."""
    since: datetime | None = None
    """Only what has changed at this time or later."""
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


Query = tuple[str, dict[str, Any]]
"""SQL and its parameters, in the style of the database's own driver."""


def queries(
    selection: Selection, *, dialect: str, guarded: bool = False, linked: bool = False
) -> list[Query]:
    """Return the queries whose rows make the file, in order.

    `linked` ones begin with what an unsubscribe link is made of, NULL for an erased person.
    """
    found = [_subscriptions(selection, dialect=dialect, guarded=guarded, linked=linked)]
    if selection.has_erased:
        found.append(_erased(selection, dialect=dialect, linked=linked))
    return found


def _subscriptions(selection: Selection, *, dialect: str, guarded: bool, linked: bool) -> Query:
    columns = _selected(
        selection,
        lambda name: _column(
            name,
            dialect=dialect,
            guarded=guarded and name in selection.guarded,
            is_csv=guarded,
            linked=linked,
        ),
    )
    where = _Conditions(dialect)
    where.add("held.mailing_list_id =", selection.list_id)
    where.add_lists("held.mailing_list_id", selection.list_ids)
    where.add("held.status =", selection.status)
    where.add("person.locale =", selection.locale)
    where.add("held.source =", selection.source)
    where.add("held.requested_at >=", selection.requested_from)
    where.add("held.requested_at <", selection.requested_to)
    where.add("held.updated_at >=", selection.since)
    source = _FROM
    if selection.without_suppressed:
        source = f"{_FROM}{_SUPPRESSED}"
        # On the column joined by, so that the planner sees that nothing must match.
        where.add_plain("barred.email_key IS NULL")
    selected = ", ".join([*(_LINK_COLUMNS if linked else ()), *columns])
    return f"SELECT {selected} {source}{where.sql()}{_ORDER}", where.given


def _erased(selection: Selection, *, dialect: str, linked: bool) -> Query:
    """Tell of the persons erased since then by the ledger, which keeps their id and nothing else.

    Of what is filtered by, only the list is still known.
    """
    sources = {
        "id": "gone.subscriber_id",
        "erased_at": _time("max(gone.at)", dialect),
    }
    columns = _selected(selection, lambda name: sources.get(name, "NULL"))
    where = _Conditions(dialect)
    where.add("gone.kind =", ConsentKind.ERASED)
    where.add("gone.mailing_list_id =", selection.list_id)
    where.add_lists("gone.mailing_list_id", selection.list_ids)
    where.add("gone.at >=", selection.since)
    selected = ", ".join([*(_NO_LINK if linked else ()), *columns])
    return (
        f"SELECT {selected} FROM consent_events AS gone{where.sql()} "
        "GROUP BY gone.subscriber_id ORDER BY gone.subscriber_id",
        where.given,
    )


def _selected(selection: Selection, column: Callable[[str], str]) -> Sequence[str]:
    return [
        f'{column(name)} AS "{title}"'
        for name, title in zip(selection.columns, selection.header, strict=True)
        if name in SOURCES
    ]


def _time(source: str, dialect: str) -> str:
    """Return the SQL of a time as ISO 8601 with Z, without trailing zeros."""
    if dialect == "postgresql":
        return f"replace(({source} AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'"
    return f"rtrim(rtrim(substr({source}, 1, 26), '0'), '.') || 'Z'"


def _column(name: str, *, dialect: str, guarded: bool, is_csv: bool, linked: bool) -> str:
    """Return the SQL of a column as text."""
    source = SOURCES[name].replace("{find}", "strpos" if dialect == "postgresql" else "instr")
    if name in _TIMES:
        return _time(source, dialect)
    if name == "keila_data" and dialect == "postgresql":
        source = f"(CASE WHEN octet_length({source}::text) <= {KEILA_DATA_BYTES} THEN {source} END)"
    if name in JSON_COLUMNS and dialect == "postgresql":
        if linked:
            return f"{source}::text"  # the driver would parse it, only to have it written again
        if is_csv:
            return f"replace(replace({source}::text, ';', '\\u003b'), '|', '\\u007c')"
    if guarded:
        return _guarded(source, name)
    return source


_SEPARATORS_IN = {"email": "|", "locale": ""}
"""What can separate cells in texts that are checked wherever they come in (RFC 5321's atext)."""


def _guarded(source: str, name: str) -> str:
    """Return the SQL of what `guard` does to a text, on PostgreSQL."""
    pattern = GUARD_PATTERN.replace("'", "''")
    # Most texts begin with a letter and have no separator in them, which is cheap to see.
    is_odd = " OR ".join(
        [
            f"{source} COLLATE \"C\" < 'A'",
            f"{source} COLLATE \"C\" > 'z'",
            *(
                f"strpos({source} COLLATE \"C\", '{each}') > 0"
                for each in _SEPARATORS_IN.get(name, SEPARATORS)
            ),
        ]
    )
    found = (
        f"CASE WHEN {is_odd} THEN regexp_replace({source}, '{pattern}', '{GUARD * 2}', 'g') "
        f"ELSE {source} END"
    )
    longest = MAX_LENGTHS.get(name)
    return f"substr({found}, 1, {longest})" if longest else found


class _Conditions:
    """Conditions that all hold, with their parameters; one without a value is left out."""

    def __init__(self, dialect: str) -> None:
        self.given: dict[str, Any] = {}
        self._is_postgres = dialect == "postgresql"
        self._conditions: list[str] = []

    def add(
        self, condition: str, value: "UUID | Status | ConsentKind | datetime | str | None"
    ) -> None:
        if value is not None:
            self._conditions.append(f"{condition} {self._bound(value)}")

    def add_plain(self, condition: str) -> None:
        self._conditions.append(condition)

    def add_lists(self, column: str, ids: tuple[UUID, ...] | None) -> None:
        if ids is not None:
            self._conditions.append(f"{column} IN ({', '.join(map(self._bound, ids))})")

    def sql(self) -> str:
        return f" WHERE {' AND '.join(self._conditions)}" if self._conditions else ""

    def _bound(self, value: "UUID | Status | ConsentKind | datetime | str") -> str:
        name = f"given_{len(self.given)}"
        if isinstance(value, datetime):
            self.given[name] = value if self._is_postgres else utc_text(value)
        elif isinstance(value, UUID):
            self.given[name] = value if self._is_postgres else str(value)
        else:
            self.given[name] = str(value)
        return f"%({name})s" if self._is_postgres else f":{name}"
