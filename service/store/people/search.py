"""The search for subscribers: what it finds, and the index that it is narrowed down with.

The index has three letters in a row (trigrams) of all that is searched in. Only those who have the
trigrams of a text are then compared with it. PostgreSQL needs the extension pg_trgm for that, and
SQLite FTS5. Without them, and for less than three letters, everybody is read, which finds the same,
only slower.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    column,
    func,
    literal,
    literal_column,
    or_,
    select,
    text,
)

from service.domain.address import parse_address
from service.domain.errors import AddressError
from service.domain.letters import ascii_domain
from service.domain.search import search_form
from service.store.tables.people import Subscriber

INDEX = "ix_subscribers_search"
"""On PostgreSQL."""
WORDS = "subscriber_words"
"""The table of trigrams on SQLite, which triggers keep."""
_LETTERS = 3
_MOST_TRIGRAMS = 30
"""More would narrow it down no further."""
_SHORT, _LONG = 8, 16
"""Letters that PostgreSQL's index is asked for."""
_FEW = 1000
"""So many are looked up one by one. More are found soon along the key."""
# The expression of the index.
_WORDS_OF = (
    "search_words(subscribers.email, subscribers.name, subscribers.email_key, "
    "subscribers.attributes)"
)
_HAS_INDEX = text(
    "SELECT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND indisvalid)"
)
_HAS_WORDS = text("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = :name)")
_TIDY = text(
    "SELECT coalesce(sum(gin_clean_pending_list(oid)), 0) FROM pg_class "
    "WHERE oid = to_regclass(:name) AND pg_has_role(relowner, 'USAGE')"
)
_MAY_FIT = (
    f"SELECT subscriber_id FROM {WORDS}_owner WHERE number IN "
    f"(SELECT rowid FROM {WORDS} WHERE {WORDS} MATCH :trigrams)"
)


def narrowed(
    connection: Connection, query: Select[Any], searched: str, *, also: ColumnElement[bool] | None
) -> Select[Any]:
    """Return the query of subscribers for those who are searched for, and of whom `also` is true.

    Somebody's whole address finds that person alone. Other texts find all who have it in address,
    name or attributes.
    """
    if also is not None:
        query = query.where(also)
    if (owner := _owner(connection, searched)) is not None:
        return query.where(Subscriber.id == owner)
    form = search_form(searched)
    fits = _fits(connection, form)
    if also is not None and connection.dialect.name == "sqlite":
        # Asked first: it is a look-up, and the conditions are calls of Python.
        fits = case((also, fits), else_=False)
    forms = list(dict.fromkeys([form, ascii_domain(form)]))
    if not has_index(connection) or min(map(len, forms)) < _LETTERS or "\0" in form:
        return query.where(fits)
    if connection.dialect.name == "postgresql":
        # A plan for any text would not know how many fit.
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
        words = literal_column(_WORDS_OF, Text)
        patterns = dict.fromkeys(_pattern(_telling_part(each)) for each in forms)
        may_fit = or_(*(words.like(each, escape="/") for each in patterns))
        # Those that may fit nearly all do. As a CASE the planner takes it for half of them, not for
        # as small a part of them as they are of all.
        return query.where(may_fit, case((fits, True), else_=False))
    return _narrowed_on_sqlite(connection, query, fits, forms)


def _owner(connection: Connection, searched: str) -> UUID | None:
    """Return whose whole address this is, found by its key."""
    try:
        key = parse_address(searched).key
    except AddressError:
        return None
    return connection.scalar(select(Subscriber.id).where(Subscriber.email_key == key))


def has_index(connection: Connection) -> bool:
    """Tell whether the database has the trigrams."""
    if connection.dialect.name == "postgresql":
        return bool(connection.scalar(_HAS_INDEX, {"name": INDEX}))
    return bool(connection.scalar(_HAS_WORDS, {"name": WORDS}))


def tidy_index(connection: Connection) -> None:
    """Sort new entries into PostgreSQL's index. Else a signup has to, and a search reads them."""
    connection.execute(_TIDY, {"name": INDEX})


def _narrowed_on_sqlite(
    connection: Connection, query: Select[Any], fits: ColumnElement[bool], forms: Sequence[str]
) -> Select[Any]:
    given = {"trigrams": " OR ".join(f"({_trigrams(each)})" for each in forms)}
    ids = connection.scalars(text(f"{_MAY_FIT} LIMIT {_FEW + 1}"), given).all()
    if len(ids) <= _FEW:
        return query.where(Subscriber.id.in_(ids), fits)
    # The plus keeps SQLite from looking all of them up and sorting them.
    return query.where(and_(text(f"+subscribers.id IN ({_MAY_FIT})").bindparams(**given), fits))


def _trigrams(form: str) -> str:
    """Return the question to FTS5 that a text with this form answers."""
    places = range(min(len(form) - _LETTERS + 1, _MOST_TRIGRAMS))
    found = dict.fromkeys(form[place : place + _LETTERS] for place in places)
    return " AND ".join('"' + each.replace('"', '""') + '"' for each in found)


def _telling_part(form: str) -> str:
    """Return the part of a form that few others have: the end of an address's local part, digits.

    Each trigram that most people have, as those of large domains, costs a look for each of the
    rarest: 258 ms for a whole address of twenty letters, 6 ms for the eight before its domain.
    """
    if "@" in form:
        start = max(0, form.rindex("@") + 1 - _SHORT)
    elif any(map(str.isdigit, form)):
        starts = range(max(1, len(form) - _SHORT + 1))
        start = max(starts, key=lambda at: sum(map(str.isdigit, form[at : at + _SHORT])))
    else:
        return form[:_LONG]
    return form[start : start + _SHORT]


def _pattern(form: str) -> str:
    """Return a pattern for LIKE that fits the form, also as JSON writes it."""
    letters = (
        "%" if each in '"\\' or each < " " else f"/{each}" if each in "%_/" else each
        for each in form
    )
    return f"%{''.join(letters)}%"


def _fits(connection: Connection, form: str) -> ColumnElement[bool]:
    """Return the condition that a person fits, which the index only prepares."""
    return or_(
        _form_of(Subscriber.email).contains(form, autoescape=True),
        _form_of(Subscriber.name).contains(form, autoescape=True),
        Subscriber.email_key.contains(ascii_domain(form), autoescape=True),
        _has_attribute(connection, form),
    )


def _form_of(text: Any) -> ColumnElement[str]:
    return func.search_form(text, type_=Text)


def _has_attribute(connection: Connection, form: str) -> ColumnElement[bool]:
    """Return the condition that a person's attributes have a value with this text in it."""
    given = Subscriber.__table__.c.attributes
    if connection.dialect.name == "postgresql":
        # A JSON null has no entries to take apart, and is an error there.
        is_object = func.jsonb_typeof(given) == "object"
        entries = func.jsonb_each_text(case((is_object, given)))
    else:
        entries = func.json_each(given)
    entry = entries.table_valued(column("key", Text), column("value", Text))
    return (
        select(literal(1))
        .select_from(entry)
        .where(_form_of(entry.c.value).contains(form, autoescape=True))
        .correlate(Subscriber)
        .exists()
    )
