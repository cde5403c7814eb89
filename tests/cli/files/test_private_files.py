"""What commands write is nobody's but its owner's, whatever the umask says."""

import json
import os
import stat
from pathlib import Path

import pytest

from service.cli.files.files import private_file
from service.domain.consent import Evidence
from service.usecases.signup.subscribe import SignupRequest
from tests.cli.conftest import Run


@pytest.fixture
def database_url(sqlite_url):
    """Files are the same on either database."""
    return sqlite_url


def modes(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
    }


def test_what_the_embedded_default_creates_is_its_owners_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("SECRET_KEY", "ADDRESS_HASH_KEY", "RECEIPT_KEY"):
        monkeypatch.delenv(f"NEWSFLASH_{name}")
    (tmp_path / "fresh").mkdir()
    monkeypatch.chdir(tmp_path / "fresh")
    monkeypatch.setenv("NEWSFLASH_DATABASE_URL", "sqlite:///deep/var/newsflash.db")
    assert run("db", "upgrade").exit_code == 0
    assert run("worker", "--drain").exit_code == 0
    found = modes(tmp_path / "fresh")
    assert {"deep", "deep/var", "deep/var/newsflash.db", "deep/var/secret_key"} <= found.keys()
    assert not {name: oct(mode) for name, mode in found.items() if mode & 0o077}


def test_an_upgrade_closes_a_database_that_others_could_read(run: Run, tmp_path: Path):
    path = tmp_path / "newsflash.db"
    path.chmod(0o644)
    assert run("db", "upgrade").exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_files_with_personal_data_are_their_owners_alone(
    run: Run, services, tmp_path: Path, before: int | None
):
    services.subscribe(SignupRequest(email="ann@example.org", evidence=Evidence(source="/form")))
    names = ("people.csv", "people.csv.manifest.json", "ledger", "rows.csv", "copy.db")
    for name in names if before else ():
        (tmp_path / name).write_text("old")
        (tmp_path / name).chmod(before or 0)
    assert run("subscribers", "export", "--output", "people.csv").exit_code == 0
    assert run("receipts", "export", "--output", "ledger").exit_code == 0
    assert run("subscribers", "import", "people.csv", "--report", "rows.csv").exit_code == 0
    assert run("backup", "copy.db").exit_code == 0
    assert {name: oct(modes(tmp_path)[name]) for name in names} == dict.fromkeys(names, "0o600")
    assert "ann@example.org" in (tmp_path / "people.csv").read_text()
    assert json.loads((tmp_path / "people.csv.manifest.json").read_text())


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path: Path):
    path = tmp_path / "people.csv"
    path.write_text("old")

    def fill() -> None:
        with private_file(path) as file:
            file.write(b"new")
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        fill()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with private_file(pipe) as file:
        file.write(b"rows")
    assert os.read(reader, 10) == b"rows"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_stays_a_link(tmp_path: Path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with private_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
