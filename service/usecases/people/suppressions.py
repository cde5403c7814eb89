"""Suppressions, for administrators: which addresses are not to be mailed."""

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.address import address_hash, parse_address
from service.domain.errors import ConflictError, NotFoundError
from service.domain.person import SuppressionInfo
from service.domain.subscription import SuppressionReason
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.people import suppressions as store
from service.store.people.suppressions import NewSuppression
from service.usecases.paging import Cursors, Page


def _key(text: str) -> tuple[str, str]:
    """Read hash and reason of a suppression. Raises `ValueError`."""
    hashed, reason = text.split(" ")
    if not hashed.isalnum():
        raise ValueError(hashed)
    return hashed, SuppressionReason(reason).value


MAX_NOTE_LENGTH = 500
_CURSORS = Cursors("suppressions", read=_key, write=" ".join)


class Suppressions:
    """Reads, adds and lifts suppressions."""

    def __init__(self, engine: Engine, *, address_hash_key: bytes) -> None:
        """Take what the use case works with."""
        self._engine = engine
        self._hash_key = address_hash_key

    def page(
        self, *, limit: int, cursor: str | None = None, email: str | None = None
    ) -> Page[SuppressionInfo]:
        """Return a page, or those of one address. Raises `AddressError`, `InvalidInputError`."""
        hashed = self.hash_of(email) if email else None
        with reading(self._engine) as connection:
            return _CURSORS.page(
                lambda after, count: store.suppressions_page(
                    connection, limit=count, after=after, address_hash=hashed
                ),
                limit=limit,
                cursor=cursor,
                key=lambda found: (found.address_hash, found.reason),
            )

    def add(self, email: str, *, note: str | None, actor: str) -> SuppressionInfo:
        """Keep an address from being mailed, by hand; again changes nothing.

        Raises `AddressError`.
        """
        now = utc_now()
        hashed = self.hash_of(email)
        with self._engine.begin() as connection:
            store.suppress(
                connection,
                [
                    NewSuppression(
                        address_hash=hashed,
                        email_key=parse_address(email).key,
                        reason=SuppressionReason.MANUAL,
                        note=note,
                        at=now,
                    )
                ],
            )
            insert_audit(
                connection,
                at=now,
                actor=actor,
                action="suppression.added",
                target=hashed,
                detail={"reason": SuppressionReason.MANUAL},
            )
            found = store.suppressions_page(connection, limit=10, address_hash=hashed)
        return next(each for each in found if each.reason is SuppressionReason.MANUAL)

    def lift(self, hashed: str, reason: SuppressionReason, *, actor: str) -> None:
        """Let an address be mailed again, as far as this reason goes.

        Raises `NotFoundError`, and `ConflictError` for an erased person: only they themselves lift
        that, by confirming a new signup.
        """
        if reason is SuppressionReason.ERASED:
            raise ConflictError("An erased person's address stays suppressed.")
        with self._engine.begin() as connection:
            if not store.lift(connection, address_hash=hashed, reason=reason):
                raise NotFoundError(hashed)
            insert_audit(
                connection,
                at=utc_now(),
                actor=actor,
                action="suppression.lifted",
                target=hashed,
                detail={"reason": reason},
            )

    def hash_of(self, email: str) -> str:
        """Return the keyed hash that an address is kept under. Raises `AddressError`."""
        return address_hash(parse_address(email).key, self._hash_key)
