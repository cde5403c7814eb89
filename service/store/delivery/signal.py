"""How a worker learns that email is due: at once where the database can say so, else by looking.

PostgreSQL says it by NOTIFY, sent after the signup's commit on a connection of its own and
coalesced, for NOTIFY within a transaction would put all commits in a row. On SQLite the file's
change counter (`PRAGMA data_version`) is cheap enough to look at ten times a second. Behind a
pooler nothing may be heard, for the connection that listens may be another one at the next
transaction: there the worker looks twice a second.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.store.database import is_pooled

CHANNEL = "newsflash_mail"
COALESCE_SECONDS = 0.05
LOOK_EVERY_SECONDS = 0.1
LOOK_BEHIND_POOLER_SECONDS = 0.5
RECONNECT_SECONDS = 2.0


class MailSignal:
    """The sender's side: tells other processes that email is due, at most every 50 ms."""

    def __init__(self, engine: Engine) -> None:
        """Start nothing yet; the first call does, so that a forked process gets its own thread."""
        self._engine = engine
        self._is_due = threading.Event()
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Say that email is due. Returns at once; on SQLite there is nothing to say."""
        if self._engine.dialect.name != "postgresql":
            return
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._send, name="mail-signal", daemon=True
                    )
                    self._thread.start()
        self._is_due.set()

    def close(self) -> None:
        """End the thread, so that the engine can be disposed of for good."""
        self._is_closed = True
        self._is_due.set()
        if self._thread is not None:
            self._thread.join()

    def _send(self) -> None:
        while True:
            self._is_due.wait()
            self._is_due.clear()
            if self._is_closed:
                return
            with suppress(SQLAlchemyError), self._engine.connect() as connection:
                # A lost signal only costs the wait for a worker's next look.
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
            time.sleep(COALESCE_SECONDS)


class MailWaiter:
    """The worker's side: waits until email may be due, or a time has passed."""

    def __init__(self, engine: Engine) -> None:
        """Connect at the first wait."""
        self._engine = engine
        self._connection: Any = None
        self._driver: Any = None
        self._is_deaf = False
        self._version: object = None

    def wait(self, seconds: float, *, is_over: Callable[[], bool]) -> None:
        """Return when email was signalled, `seconds` have passed, or `is_over`, which is asked ten
        times a second, says so.
        """
        deadline = time.monotonic() + seconds
        try:
            if self._connection is None:
                self._connect()
                return  # what came before the connection was not heard
            if self._is_deaf:
                _sleep(min(seconds, LOOK_BEHIND_POOLER_SECONDS), is_over)
                return
            while not is_over() and (left := deadline - time.monotonic()) > 0:
                if self._heard(min(left, LOOK_EVERY_SECONDS)):
                    return
        except Exception:  # noqa: BLE001 - any driver's error means: connect again, look meanwhile
            self.close()
            _sleep(min(seconds, RECONNECT_SECONDS), is_over)

    def _connect(self) -> None:
        self._connection = self._engine.raw_connection()
        # A detached connection no longer tells its driver's.
        driver = self._driver = self._connection.driver_connection
        self._is_deaf = is_pooled(self._connection)
        if self._is_deaf:
            self._connection.close()
            return
        self._connection.detach()
        if self._engine.dialect.name == "postgresql":
            driver.autocommit = True
            driver.execute(f"LISTEN {CHANNEL}")
        else:
            self._version = driver.execute("PRAGMA data_version").fetchone()

    def _heard(self, seconds: float) -> bool:
        driver = self._driver
        if self._engine.dialect.name == "postgresql":
            heard = list(driver.notifies(timeout=seconds, stop_after=1))
            return bool(heard)
        version = driver.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            return True
        time.sleep(seconds)
        return False

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = self._driver = None


def _sleep(seconds: float, is_over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not is_over() and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_EVERY_SECONDS))
