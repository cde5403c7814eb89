"""A PostgreSQL of the benchmark's own: installed binaries, a temporary folder, a free port.

Nothing is set that touches durability or speed: fsync and synchronous_commit are on, as initdb
leaves them. Root may not run it, so as root it runs as `postgres` or `nobody`.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.processes import free_port, running, wait_for_port


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server."""

    bin: Path
    port: int
    pid: int
    database: str = "postgres"

    @property
    def url(self) -> str:
        """What `NEWSFLASH_DATABASE_URL` takes. Over TCP, as databases are reached elsewhere too."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{self.database}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What psql and pgbench take to connect."""
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres")

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Open a connection that commits each statement."""
        return psycopg.connect(
            f"host=127.0.0.1 port={self.port} user=postgres dbname={self.database}",
            autocommit=True,
        )

    def create_database(self, name: str, *, template: str = "template1") -> "Postgres":
        """Make a database like the template, else an empty one, beside this one and return it."""
        with self.connect() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return Postgres(self.bin, self.port, self.pid, name)

    def one(self, sql: str) -> int:
        """Return the one number that a query gives."""
        with self.connect() as connection:
            row = connection.execute(sql).fetchone()
        assert row is not None
        assert isinstance(row[0], int)
        return row[0]


def find_binaries() -> Path:
    """Return the folder of initdb, postgres, psql and pgbench, newest version first."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name, reverse=True
    )
    if found := shutil.which("initdb"):
        folders.insert(0, Path(found).resolve().parent)
    names = ("initdb", "postgres", "psql", "pgbench")
    for folder in folders:
        if all((folder / name).exists() for name in names):
            return folder
    raise SystemExit(f"The benchmarks need PostgreSQL installed ({', '.join(names)}).")


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Run a fresh server in `folder` for as long as the block lasts."""
    binaries, port, log = find_binaries(), free_port(), folder / "postgres.log"
    home = folder / "postgres"
    home.mkdir()
    user = _unprivileged()
    if user is not None:
        account = pwd.getpwnam(user)
        os.chown(home, account.pw_uid, account.pw_gid)
        folder.chmod(0o755)  # the folder's name is secret enough, the server has to pass it
    data = home / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
         "--locale=C"],
        check=True, stdout=subprocess.DEVNULL, user=user, group=user,
        extra_groups=[] if user else None, cwd=home,
    )  # fmt: skip
    command = [
        str(binaries / "postgres"), "-D", str(data), "-p", str(port),
        "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}",
    ]  # fmt: skip
    with running(command, log=log, user=user, stop_by=signal.SIGINT) as process:
        wait_for_port(port, process, log)
        server = Postgres(binaries, port, process.pid)
        _wait_until_it_answers(server)
        yield server


def _wait_until_it_answers(server: Postgres) -> None:
    for _ in range(100):
        ready = subprocess.run(
            [server.bin / "pg_isready", *server.arguments, "-q"], check=False
        ).returncode
        if ready == 0:
            return
        subprocess.run(["sleep", "0.1"], check=True)
    sys.exit("PostgreSQL does not answer.")


def _unprivileged() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {account.pw_name for account in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)
