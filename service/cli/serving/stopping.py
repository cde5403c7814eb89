"""Which signals end a command in good order."""

import signal


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return SIGTERM, SIGINT, and SIGHUP (a terminal that closes) where nobody has us ignore it.

    `nohup` has it ignored, and means the command to go on.
    """
    given = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    return tuple(each for each in given if signal.getsignal(each) is not signal.SIG_IGN)
