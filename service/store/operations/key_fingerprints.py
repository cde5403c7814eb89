"""Fingerprints of the keys that a database was used with."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, exists, insert, select

from service.store.tables.operations import KeyFingerprint
from service.store.tables.people import Suppression


def read_fingerprints(connection: Connection) -> dict[str, list[str]]:
    """Return the known fingerprints by setting, oldest first."""
    rows = connection.execute(
        select(KeyFingerprint.name, KeyFingerprint.fingerprint).order_by(
            KeyFingerprint.name, KeyFingerprint.position
        )
    )
    found: dict[str, list[str]] = {}
    for name, fingerprint in rows:
        found.setdefault(name, []).append(fingerprint)
    return found


def lock_fingerprints(connection: Connection) -> None:
    """Let nobody else change them until this transaction ends (SQLite: no other writer)."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE key_fingerprints IN SHARE ROW EXCLUSIVE MODE")


def has_hashes(connection: Connection) -> bool:
    """Tell whether an address is suppressed, which only its keyed hash says."""
    return bool(connection.scalar(select(exists(select(Suppression.address_hash)))))


def write_fingerprints(connection: Connection, found: Mapping[str, Sequence[str]]) -> None:
    """Replace the fingerprints of these settings."""
    connection.execute(delete(KeyFingerprint).where(KeyFingerprint.name.in_(found)))
    rows = [
        {"name": name, "position": position, "fingerprint": fingerprint}
        for name, fingerprints in found.items()
        for position, fingerprint in enumerate(fingerprints)
    ]
    if rows:
        connection.execute(insert(KeyFingerprint), rows)
