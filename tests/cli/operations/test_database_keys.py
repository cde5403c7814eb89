"""Keys that do not belong to the database stop everything, before anything is written."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import Engine, text

from service.app import create_app
from service.config import Settings
from service.domain.access.database_keys import GivenKey
from service.domain.consent import Evidence
from service.domain.errors import WrongKeyError
from service.services import Services
from service.signing import Signer, seed_of
from service.store.tables.base import db
from service.usecases.operations.database_keys import DatabaseKeys, given_keys
from service.usecases.signup.subscribe import SignupRequest
from tests.cli.conftest import Run, snapshot

OLD, NEW = "old-" * 10, "new-" * 10
KEYS = ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY")


@pytest.fixture
def run_with(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run a command with these keys: `OLD`, unless given otherwise."""

    def invoke(*words: str, **given: str) -> Result:
        with monkeypatch.context() as changed:
            for name in KEYS:
                changed.setenv(f"NEWSFLASH_{name}", OLD)
            for name, value in given.items():
                changed.setenv(f"NEWSFLASH_{name}", value)
            return run(*words)

    return invoke


def keys(engine: Engine, settings: Settings, **given: str) -> DatabaseKeys:
    """Return the keys of a machine with these settings: `OLD`, unless given otherwise."""
    fallbacks = given.get("SECRET_KEY_FALLBACKS")
    changed = replace(
        settings,
        secret_keys=(*([fallbacks] if fallbacks else []), given.get("SECRET_KEY", OLD)),
        address_hash_key=given.get("ADDRESS_HASH_KEY", OLD).encode(),
        receipt_key=given.get("RECEIPT_KEY", OLD),
        receipt_key_fallbacks=tuple(given.get("RECEIPT_KEY_FALLBACKS", "").split()),
    )
    return DatabaseKeys(engine, given_keys(changed))


@pytest.fixture
def used(engine: Engine, settings: Settings, services: Services) -> None:
    """A database with a person, used with `OLD`."""
    services.subscribe(SignupRequest(email="ann@example.org", evidence=Evidence(source="/form")))
    keys(engine, settings).adopt()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("serve", "--no-worker"), "SECRET_KEY"),
        (("serve", "--no-worker", "--no-migrate"), "RECEIPT_KEY"),
        (("worker", "--drain"), "SECRET_KEY"),
        (("worker", "--drain"), "ADDRESS_HASH_KEY"),
        (("db", "upgrade"), "RECEIPT_KEY"),
        (("db", "upgrade"), "ADDRESS_HASH_KEY"),
        (("admin-link",), "SECRET_KEY"),
        (("subscribers", "export"), "SECRET_KEY"),
        (("receipts", "checkpoint"), "RECEIPT_KEY"),
        (("suppressions", "add", "ben@example.org"), "ADDRESS_HASH_KEY"),
    ],
)
def test_another_key_ends_a_command_in_one_line(
    used, run_with, engine: Engine, words: tuple[str, ...], name: str
):
    result = run_with(*words, **{name: NEW})
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith(f"Error: NEWSFLASH_{name}: is not the key that this database was used")
    assert (f"{name}_FALLBACKS" in line) is (name != "ADDRESS_HASH_KEY")
    assert NEW not in line
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM suppressions")).scalar() == 0


@pytest.mark.parametrize("name", KEYS)
def test_another_key_fails_readyz_and_doctor(used, run_with, settings: Settings, name: str):
    changes = {
        "secret_keys": (OLD,),
        "address_hash_key": OLD.encode(),
        "receipt_key": OLD,
        {"SECRET_KEY": "secret_keys"}.get(name, name.lower()): {
            "SECRET_KEY": (NEW,),
            "ADDRESS_HASH_KEY": NEW.encode(),
            "RECEIPT_KEY": NEW,
        }[name],
    }
    app = create_app(replace(settings, **changes))  # type: ignore[arg-type]
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert (answer.json["database"], answer.json["migrations"]) == (True, True)
    assert answer.json["keys"] is False
    assert f"NEWSFLASH_{name}: " in answer.json["detail"]
    with app.app_context():
        db.engine.dispose()
    result = run_with("doctor", **{name: NEW})
    assert result.exit_code == 1
    assert f"failed   keys: NEWSFLASH_{name}: is not the key" in result.output


@pytest.mark.parametrize("name", ["SECRET_KEY", "RECEIPT_KEY"])
def test_a_key_is_changed_machine_by_machine(
    used, run_with, engine: Engine, settings: Settings, name: str
):
    def starts(given: dict[str, str]) -> bool:
        try:
            keys(engine, settings, **given).adopt()
        except WrongKeyError:
            return False
        return True

    old, new = {name: OLD}, {name: NEW}
    ready, changed = old | {f"{name}_FALLBACKS": NEW}, new | {f"{name}_FALLBACKS": OLD}
    assert starts(ready)
    assert not starts(new)
    assert run_with("worker", "--drain", **changed).exit_code == 0
    assert all(starts(machine) for machine in (old, ready, changed, old, changed))
    assert keys(engine, settings, **old).behind() == [name]
    assert keys(engine, settings, **ready).behind() == []
    assert (
        f"warning  {name}: other machines already use a newer one"
        in run_with("doctor", **old).output
    )
    assert starts(new)
    assert not starts(old)
    assert starts(changed)


def test_a_receipt_key_is_changed_with_the_public_half_of_the_old_one(
    used, engine: Engine, settings: Settings
):
    public = Signer(seed_of(OLD)).public_key.x
    given = {"RECEIPT_KEY": NEW, "RECEIPT_KEY_FALLBACKS": f"public:{public}"}
    keys(engine, settings, **given).adopt()
    keys(engine, settings, RECEIPT_KEY=NEW).adopt()


def test_the_key_of_addresses_cannot_be_changed(used, run_with):
    given = {"ADDRESS_HASH_KEY": NEW, "ADDRESS_HASH_KEY_FALLBACKS": OLD}
    result = run_with("worker", "--drain", **given)
    assert "NEWSFLASH_ADDRESS_HASH_KEY_FALLBACKS: is not a setting" in result.output


def test_a_database_from_before_remembers_its_keys_at_the_next_start(run_with, engine: Engine):
    def known() -> object:
        with engine.connect() as connection:
            return connection.scalar(text("SELECT count(*) FROM key_fingerprints"))

    assert run_with("keys", "list", SECRET_KEY=NEW).exit_code == 0
    assert known() == 0
    assert run_with("worker", "--drain").exit_code == 0
    assert known() == 3
    assert run_with("keys", "list", SECRET_KEY=NEW).exit_code == 1


def test_of_two_first_starts_with_different_keys_one_is_refused(engine: Engine):
    barrier = threading.Barrier(2)

    def start(fingerprint: str) -> bool:
        keys = DatabaseKeys(engine, [GivenKey(name="SECRET_KEY", current=fingerprint)])
        barrier.wait()
        try:
            keys.adopt()
        except WrongKeyError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(start, ("a" * 32, "b" * 32))) == [False, True]


def test_lost_keys_can_be_given_up(used, run_with, engine: Engine):
    given = {"SECRET_KEY": NEW, "RECEIPT_KEY": NEW}
    assert run_with("keys", "list", **given).exit_code == 1
    asked = run_with("db", "accept-keys", **given)
    assert asked.exit_code == 1
    assert "will stop working" in asked.output
    assert run_with("keys", "list", **given).exit_code == 1
    done = run_with("db", "accept-keys", "--yes", **given)
    assert (done.exit_code, done.stdout) == (0, "Accepted RECEIPT_KEY, SECRET_KEY\n")
    assert run_with("worker", "--drain", **given).exit_code == 0
    assert run_with("worker", "--drain").exit_code == 1
    assert "keys.accepted" in run_with("audit", **given).output


def test_the_key_of_addresses_is_not_given_up_while_an_address_is_suppressed(used, run_with):
    assert run_with("suppressions", "add", "ben@example.org").exit_code == 0
    refused = run_with("db", "accept-keys", "--yes", ADDRESS_HASH_KEY=NEW)
    assert refused.exit_code == 1
    assert "NEWSFLASH_ADDRESS_HASH_KEY: is not the key" in refused.output
    assert run_with("keys", "list").exit_code == 0


@pytest.fixture
def embedded(newsflash: Run, folder: Path) -> Path:
    """The embedded default with a person in it, whose address is then erased."""
    assert newsflash("db", "upgrade").exit_code == 0
    added = newsflash("subscribers", "import", "rows.csv")
    assert added.exit_code == 0, added.output
    erased = newsflash("subscribers", "erase", "ann@example.org")
    assert erased.exit_code == 0, erased.output
    return folder


@pytest.mark.parametrize("name", KEYS)
def test_no_key_is_created_beside_a_database_with_people_in_it(
    newsflash: Run, embedded: Path, name: str
):
    (embedded / "var" / name.lower()).unlink()
    before = snapshot(embedded)
    for words in (("serve", "--no-worker"), ("db", "upgrade"), ("keys", "list"), ("doctor",)):
        result = newsflash(*words)
        assert result.exit_code == 1
        (line,) = result.output.splitlines()
        assert line.startswith(f"Error: NEWSFLASH_{name}: ")
        assert "is missing: put it back from your backup" in line
        assert snapshot(embedded) == before


def test_a_restore_needs_the_keys_of_the_backup(
    newsflash: Run, embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert newsflash("backup", str(tmp_path / "copy.db")).exit_code == 0
    new = tmp_path / "new"
    new.mkdir()
    monkeypatch.chdir(new)
    assert newsflash("db", "upgrade").exit_code == 0
    shutil.copy(tmp_path / "copy.db", new / "var" / "newsflash.db")
    (new / "rows.csv").write_text("email\nann@example.org\n")
    for words in (("worker", "--drain"), ("subscribers", "import", "rows.csv"), ("db", "upgrade")):
        refused = newsflash(*words)
        assert refused.exit_code == 1
        assert "is not the key that this database was used with" in refused.output
    for name in KEYS:
        shutil.copy(embedded / "var" / name.lower(), new / "var" / name.lower())
    assert newsflash("db", "upgrade").exit_code == 0
    imported = newsflash("subscribers", "import", "rows.csv")
    assert "1 rows: 0 imported" in imported.output
    assert "1 skipped" in imported.output
