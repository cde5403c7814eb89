"""Signups held for review."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, delete, exists, select

from service.domain.address import Address
from service.domain.consent import Evidence
from service.domain.signup.risk import Reason, Risk
from service.domain.subscription import HELD_OF_ADDRESS
from service.store.bulk import rows_of, rows_parameter
from service.store.old_rows import OldRows
from service.store.signup.signups import SIGN_UP, Signup, signup_values
from service.store.sql import sql
from service.store.tables.signup import HeldSignup
from service.store.together import Together

_TABLE = HeldSignup.__table__
_COLUMNS = (
    "id:uuid email:text email_key:text lists:json name:text locale:text attributes:json "
    "source:text ip:text score:int reasons:json created_at:time"
)
_INSERT = sql(
    """
INSERT INTO held_signups ({names})
SELECT {names} FROM ({rows}) AS given
WHERE (SELECT count(*) FROM held_signups AS waiting
    WHERE waiting.email_key = given.email_key) < :held_limit
""",
    names=", ".join(column.partition(":")[0] for column in _COLUMNS.split()),
    rows=rows_of(_COLUMNS, value="held"),
)
_SIGN_UP_AND_HOLD = Together(
    name="sign_up_and_hold",
    values={**SIGN_UP.values, "held": "jsonb", "held_limit": "int"},
    statements=(*SIGN_UP.statements, _INSERT),
    is_by_index=True,
)

HELD_SIGNUPS = OldRows(HeldSignup, HeldSignup.created_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A signup that waits, and why."""

    signup: Signup
    risk: Risk


def commit_with_held(engine: Engine, signups: Sequence[Signup], held: Sequence[Held]) -> None:
    """Record signups as `commit_signups` does, and keep others for review in the same transaction,
    of each address as many as may wait.

    No two of them may have the same address.
    """
    rows = [
        {
            "id": each.signup.message_id,
            "email": each.signup.address.typed,
            "email_key": each.signup.address.key,
            "lists": [
                [str(list_id), each.signup.text_versions.get(list_id)]
                for list_id in each.signup.list_ids
            ],
            "name": each.signup.name,
            "locale": each.signup.evidence.locale,
            "attributes": each.signup.attributes,
            "source": each.signup.evidence.source,
            "ip": each.signup.evidence.ip,
            "score": each.risk.score,
            "reasons": [reason.value for reason in each.risk.reasons],
            "created_at": each.signup.at,
        }
        for each in held
    ]
    _SIGN_UP_AND_HOLD.commit(
        engine, **signup_values(signups), held=rows_parameter(rows), held_limit=HELD_OF_ADDRESS
    )


def held_page(connection: Connection, *, limit: int, before: UUID | None = None) -> Sequence[Held]:
    """Return the newest held signups, or those older than the one with the id `before`."""
    query = select(_TABLE).order_by(HeldSignup.id.desc()).limit(limit)
    if before is not None:
        query = query.where(HeldSignup.id < before)
    return [_held(row) for row in connection.execute(query).mappings()]


def take_held(connection: Connection, held_id: UUID) -> Held | None:
    """Remove one and return it, or None where there is none: of two who take, one gets it."""
    query = delete(HeldSignup).where(HeldSignup.id == held_id).returning(*_TABLE.columns)
    row = connection.execute(query).mappings().one_or_none()
    return _held(row) if row is not None else None


def is_held(connection: Connection, held_id: UUID) -> bool:
    """Tell whether the signup of this id waits."""
    return bool(connection.scalar(select(exists().where(HeldSignup.id == held_id))))


def delete_held_of(connection: Connection, email_key: str) -> None:
    """Remove those of one address."""
    connection.execute(delete(HeldSignup).where(HeldSignup.email_key == email_key))


def _held(row: RowMapping) -> Held:
    return Held(
        signup=Signup(
            message_id=row["id"],
            address=Address(typed=row["email"], key=row["email_key"]),
            list_ids=tuple(UUID(list_id) for list_id, _ in row["lists"]),
            at=row["created_at"],
            evidence=Evidence(source=row["source"], locale=row["locale"], ip=row["ip"]),
            name=row["name"],
            attributes=row["attributes"],
            text_versions={UUID(list_id): text for list_id, text in row["lists"] if text},
        ),
        risk=Risk(row["score"], tuple(Reason(reason) for reason in row["reasons"])),
    )
