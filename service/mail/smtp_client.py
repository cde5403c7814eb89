"""An SMTP client (RFC 5321) whose whole conversation keeps to one deadline."""

import smtplib
import socket
import ssl
from contextlib import suppress
from functools import lru_cache
from typing import Any

from service.deadline import Deadline, bounded, connect, look_up, send_all, timed_reader

_OWN_NAME_SECONDS = 2.0


class SmtpClient(smtplib.SMTP):
    """A connection that has had its greeting. Raises `OSError` and `smtplib.SMTPException`."""

    def __init__(
        self, host: str, port: int, *, deadline: Deadline, implicit_tls: ssl.SSLContext | None
    ) -> None:
        """Connect, with TLS from the beginning where a context is given (RFC 8314)."""
        self.deadline = deadline
        """The deadline of the step under way; set it again for the next step."""
        self._implicit_tls = implicit_tls
        # An own name has to be given: the standard library would look it up, without a timeout.
        super().__init__(local_hostname=_own_name())
        self._host = host
        try:
            code, text = self.connect(host, port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, text)
        except BaseException:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:  # noqa: ARG002
        sock = connect(look_up(host, port, self.deadline), self.deadline)
        if self._implicit_tls is None:
            return sock
        try:
            return self._implicit_tls.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Change to TLS (RFC 3207)."""
        self._limit()
        self.starttls(context=context)

    def send(self, data: Any) -> None:
        """Write a command or a message within the deadline."""
        raw = data.encode(self.command_encoding) if isinstance(data, str) else bytes(data)
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("not connected")
        try:
            send_all(self.sock.sendall, raw, self._limit)
        except OSError:
            self.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, however many lines it has, within the deadline."""
        if self.file is None and self.sock is not None:
            self.file = timed_reader(self.sock, lambda: self.deadline.left())
        return super().getreply()

    def _limit(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.deadline.left())


@lru_cache(maxsize=1)
def _own_name() -> str:
    """Return what EHLO says: this machine's full name, or an address literal where it has none
    (RFC 5321, section 4.1.4).
    """
    name = socket.gethostname()
    with suppress(OSError):
        name = bounded(socket.getfqdn, _OWN_NAME_SECONDS)
    return name if "." in name and name.isascii() else "[127.0.0.1]"
