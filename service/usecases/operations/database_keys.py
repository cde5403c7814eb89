"""Keys and database belong together; with other keys nothing of it would be right."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Engine

from service.clock import utc_now
from service.config import PREFIX, Settings
from service.domain.access.database_keys import (
    GivenKey,
    belongs,
    fingerprint,
    knows_the_newest,
    remembered,
)
from service.domain.errors import WrongKeyError
from service.signing import Signer, earlier_public_key, seed_of
from service.store.access.audit import insert_audit
from service.store.database import reading
from service.store.operations.key_fingerprints import (
    has_hashes,
    lock_fingerprints,
    read_fingerprints,
    write_fingerprints,
)


class DatabaseKeys:
    """Compares the keys of the settings with those that the database was used with."""

    def __init__(self, engine: Engine, given: Sequence[GivenKey]) -> None:
        """Take the keys of the settings."""
        self._engine = engine
        self._given = tuple(given)

    def wrong(self, connection: Connection) -> str | None:
        """Return what is wrong with the first key that does not belong to the database, or None.

        One line that names the setting and says what to do.
        """
        known = read_fingerprints(connection)
        return next(
            (_wrong(key) for key in self._given if not belongs(key, known.get(key.name, ()))), None
        )

    def behind(self) -> list[str]:
        """Return the settings that lack the newest key, which others sign with already."""
        with reading(self._engine) as connection:
            known = read_fingerprints(connection)
        return [
            key.name for key in self._given if not knows_the_newest(key, known.get(key.name, ()))
        ]

    def adopt(self) -> None:
        """Have the database remember the keys, so that others are noticed from now on.

        Raises `WrongKeyError` where it was used with others.
        """
        with reading(self._engine) as connection:
            if not self._changes(read_fingerprints(connection)):
                return
        with self._engine.begin() as connection:
            lock_fingerprints(connection)
            write_fingerprints(connection, self._changes(read_fingerprints(connection)))

    def accept(self, *, actor: str) -> list[str]:
        """Have the database take the given keys for its own; return the settings that changed.

        What the keys before signed is void from then on. Raises `WrongKeyError` for another
        `ADDRESS_HASH_KEY` while addresses are suppressed: they would be emailed again.
        """
        with self._engine.begin() as connection:
            lock_fingerprints(connection)
            known = read_fingerprints(connection)
            changed = {
                key.name: (key.current,)
                for key in self._given
                if not belongs(key, known.get(key.name, ()))
            }
            for key in self._given:
                if key.name in changed and key.fallbacks is None and has_hashes(connection):
                    raise WrongKeyError(_wrong(key))
            write_fingerprints(connection, changed)
            if changed:
                insert_audit(
                    connection,
                    at=utc_now(),
                    actor=actor,
                    action="keys.accepted",
                    target=None,
                    detail={"settings": sorted(changed)},
                )
        return sorted(changed)

    def _changes(self, known: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """Return what the database should know by setting, where that is not what it knows."""
        changes = {}
        for key in self._given:
            before = tuple(known.get(key.name, ()))
            if not belongs(key, before):
                raise WrongKeyError(_wrong(key))
            if (after := remembered(key, before)) != before:
                changes[key.name] = after
        return changes


def _wrong(key: GivenKey) -> str:
    line = (
        f"{PREFIX}{key.name}: is not the key that this database was used with: "
        "use that one (docs/backup.md)"
    )
    if key.fallbacks is None:
        return f"{line}; this key cannot be changed"
    return f"{line}, or, to rotate keys, put that one into {key.fallbacks}"


def given_keys(settings: Settings) -> tuple[GivenKey, ...]:
    """Return the keys of the settings by the fingerprints that the database remembers them by."""

    def secret(key: str) -> str:
        return fingerprint("SECRET_KEY", key.encode())

    *earlier, current = settings.secret_keys
    signer = Signer(seed_of(settings.receipt_key))
    earlier_signers = map(earlier_public_key, settings.receipt_key_fallbacks)
    return (
        GivenKey(
            name="SECRET_KEY",
            current=secret(current),
            earlier=tuple(map(secret, earlier)),
            fallbacks="SECRET_KEY_FALLBACKS",
        ),
        GivenKey(
            name="ADDRESS_HASH_KEY",
            current=fingerprint("ADDRESS_HASH_KEY", settings.address_hash_key),
        ),
        # Its public key is published, so the name of that tells nothing new.
        GivenKey(
            name="RECEIPT_KEY",
            current=signer.public_key.kid,
            earlier=tuple(key.kid for key in earlier_signers),
            fallbacks="RECEIPT_KEY_FALLBACKS",
        ),
    )
