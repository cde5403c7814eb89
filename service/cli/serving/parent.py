"""How a child process notices that the `serve` that started it is gone, however it went."""

import os
import threading
import time
from collections.abc import Callable

LOOK_EVERY_SECONDS = 0.5


def when_parent_is_gone(parent_pid: int, act: Callable[[], None]) -> None:
    """Call `act` once, from a thread, when this process is no longer a child of `parent_pid`."""

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(LOOK_EVERY_SECONDS)
        act()

    threading.Thread(target=watch, name="parent", daemon=True).start()
