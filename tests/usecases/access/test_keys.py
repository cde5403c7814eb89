"""API keys as the outside meets them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import Engine, select

from service.domain.errors import ConflictError, InvalidInputError, NotFoundError
from service.store.tables.access import ApiKey, AuditEntry
from service.usecases.access.keys import CACHE_SECONDS, Keys
from service.usecases.lists.lists import Lists

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_key_is_shown_once_and_kept_as_a_hash(engine: Engine):
    key = Keys(engine, lists=Lists(engine)).create("site", "export", actor="test")
    assert key.startswith("nf_")
    assert len(key) == 46
    with engine.connect() as connection:
        row = connection.execute(select(ApiKey.__table__)).one()
        entry = connection.execute(select(AuditEntry.__table__)).one()
    assert key not in str(row)
    assert key not in str(entry)
    assert (entry.actor, entry.action, entry.target) == ("test", "key.created", "site")


def test_a_key_is_known_until_it_is_revoked(engine: Engine):
    keys = Keys(engine, lists=Lists(engine))
    key = keys.create("site", "export", actor="test")
    info = keys.authenticate(key)
    assert info is not None
    assert (info.name, info.role) == ("site", "export")
    keys.revoke("site", actor="test")
    assert keys.authenticate(key) is None
    keys.revoke("site", actor="test")
    with pytest.raises(NotFoundError):
        keys.revoke("other", actor="test")


@pytest.mark.parametrize("wrong", ["", "nf_", "nf_" + "a" * 43, "x" * 46, "nf_" + "é" * 43])
def test_a_wrong_key_is_not_known(engine: Engine, wrong: str):
    assert Keys(engine, lists=Lists(engine)).authenticate(wrong) is None


def test_a_name_is_given_once_and_a_role_is_one_of_three(engine: Engine):
    keys = Keys(engine, lists=Lists(engine))
    keys.create("site", "signup", actor="test")
    with pytest.raises(ConflictError):
        keys.create("site", "signup", actor="test")
    with pytest.raises(InvalidInputError):
        keys.create("other", "owner", actor="test")
    with pytest.raises(InvalidInputError):
        keys.create("line\nbreak", "admin", actor="test")


def test_another_process_takes_a_revoked_key_for_seconds_only(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    ours, theirs = Keys(engine, lists=Lists(engine)), Keys(engine, lists=Lists(engine))
    key = ours.create("site", "admin", actor="test")
    assert theirs.authenticate(key) is not None
    ours.revoke("site", actor="test")
    later = time.monotonic() + CACHE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert theirs.authenticate(key) is None


def test_last_use_is_noted_once_a_minute(engine: Engine):
    def last_use() -> datetime | None:
        return Keys(engine, lists=Lists(engine)).all()[0].last_used_at

    with time_machine.travel(NOW, tick=False) as clock:
        key = Keys(engine, lists=Lists(engine)).create("site", "admin", actor="test")
        assert last_use() is None
        Keys(engine, lists=Lists(engine)).authenticate(key)
        assert last_use() == NOW
        clock.shift(timedelta(seconds=59))
        Keys(engine, lists=Lists(engine)).authenticate(key)
        assert last_use() == NOW
        clock.shift(timedelta(seconds=1))
        Keys(engine, lists=Lists(engine)).authenticate(key)
        assert last_use() == NOW + timedelta(minutes=1)
