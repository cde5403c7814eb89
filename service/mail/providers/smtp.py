"""SMTP submission (RFC 5321, RFC 6409): `smtp://` with STARTTLS where offered, `smtps://` with TLS.

| the transaction breaks | means |
|---|---|
| anywhere before the final dot was sent whole | temporary: a server takes nothing without it |
| after the final dot, before the reply (RFC 5321, section 4.2.5; RFC 1047) | unknown |
| reply 4yz | temporary |
| reply 5yz to RCPT or to the content | rejected |
| reply 5yz to the greeting, AUTH or MAIL: login or sender | misconfigured |

The whole conversation has one deadline, replies that trickle in included.
"""

import re
import smtplib
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from service.deadline import Deadline
from service.domain.delivery.retry import SendOutcome
from service.domain.network import is_loopback
from service.mail.dsn import DsnError, MailDsn
from service.mail.mime import rfc_message_id, to_message
from service.mail.pace import Pace
from service.mail.provider import (
    ADDRESS_UNSUPPORTED,
    Mail,
    MisconfiguredError,
    OutcomeUnknownError,
    PreparedCall,
    ProviderError,
    RejectedError,
    SenderRefusedError,
    SendResult,
    TemporaryError,
)
from service.mail.smtp_client import SmtpClient
from service.outbound import Limits

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_PATH = re.compile(r"[^\s<>\x00-\x1f\x7f]+")
_TLS_MODES = ("auto", "require", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """What is said of one email, ready to be sent: smtplib would parse an address as a header."""

    mail: Mail
    mail_command: str
    rcpt_command: str
    content: bytes
    """The message with its dots doubled (RFC 5321, section 4.5.2) and the final one."""
    is_utf8: bool

    @classmethod
    def of(cls, mail: Mail) -> "_Letter":
        """Render the email; raise `ValueError` for an address that would begin another command."""
        if not _PATH.fullmatch(mail.recipient):
            raise ValueError("recipient")
        is_utf8 = not mail.recipient.isascii()
        dotted = _LEADING_DOT.sub(b"..", to_message(mail).as_bytes())
        return cls(
            mail=mail,
            mail_command=f"MAIL FROM:<{mail.sender.address}>{' SMTPUTF8' if is_utf8 else ''}",
            rcpt_command=f"RCPT TO:<{mail.recipient}>",
            content=dotted + (b"" if dotted.endswith(b"\r\n") else b"\r\n") + b".\r\n",
            is_utf8=is_utf8,
        )


class Smtp:
    """One email a call over kept connections. SMTP has no idempotency key."""

    name = "smtp"
    batch_size = 1
    key_life = timedelta(0)

    def __init__(self, dsn: MailDsn, limits: Limits, pace: Pace) -> None:
        """`smtp://user:password@host:587?tls=auto`; `tls` is `auto`, `require` or `none`.

        A password goes only over TLS, or to this same machine. Certificates are always verified.
        """
        dsn.allow("tls")
        self._tls = dsn.options.get("tls", "auto")
        if not dsn.host or dsn.host == "default":
            raise DsnError("smtp:// needs a host")
        if self._tls not in _TLS_MODES:
            raise DsnError(f"smtp:// takes tls={', '.join(_TLS_MODES)}")
        self._is_implicit = dsn.scheme == "smtps"
        self._host = dsn.host
        self._port = dsn.port or (465 if self._is_implicit else 587)
        self._user, self._password = dsn.user, dsn.password
        self._limits = limits
        self.pace = pace
        self._context = ssl.create_default_context()
        self._has_utf8 = True
        self._idle: list[SmtpClient] = []
        self._lock = threading.Lock()

    def reaches(self, address: str) -> bool:
        """See `Provider.reaches`: whether the server takes SMTPUTF8 is known once it was called."""
        return self._has_utf8 or address.isascii()

    def prepare(self, mails: Sequence[Mail], *, key: str) -> PreparedCall:  # noqa: ARG002
        """See `Provider.prepare`."""
        (mail,) = mails
        return partial(self._call, _Letter.of(mail))

    def _call(self, letter: "_Letter") -> Sequence[SendResult]:
        deadline = Deadline(self._limits.total_seconds)
        client = self._client(deadline)
        client.deadline = deadline
        try:
            self._hand_over(client, letter)
        except ProviderError as error:
            if isinstance(error, RejectedError):
                self._keep(client)
            else:
                client.close()
            raise
        except BaseException:
            client.close()
            raise
        self._keep(client)
        return [
            SendResult(
                message_id=letter.mail.message_id,
                outcome=SendOutcome.ACCEPTED,
                provider_message_id=rfc_message_id(letter.mail),
            )
        ]

    def close(self) -> None:
        """Let connections go."""
        with self._lock:
            idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    def _keep(self, client: SmtpClient) -> None:
        with self._lock:
            self._idle.append(client)

    def _client(self, deadline: Deadline) -> SmtpClient:
        """Return a connection that has just answered: a kept one, or a new one."""
        while True:
            with self._lock:
                client = self._idle.pop() if self._idle else None
            if client is None:
                return self._connect(deadline)
            try:
                client.deadline = deadline.within(self._limits.connect_seconds)
                if client.rset()[0] == 250:
                    return client
            except (OSError, smtplib.SMTPException):
                pass
            client.close()

    def _connect(self, deadline: Deadline) -> SmtpClient:
        client: SmtpClient | None = None
        try:
            client = SmtpClient(
                self._host,
                self._port,
                deadline=deadline.within(self._limits.connect_seconds),
                implicit_tls=self._context if self._is_implicit else None,
            )
            client.deadline = deadline.within(self._limits.read_seconds)
            self._log_in(client)
        except (OSError, smtplib.SMTPException) as error:
            if client is not None:
                client.close()
            raise _not_connected(error) from None
        except ProviderError:
            if client is not None:
                client.close()
            raise
        return client

    def _log_in(self, client: SmtpClient) -> None:
        client.ehlo()
        is_secure = self._is_implicit
        if not is_secure and self._tls != "none" and client.has_extn("starttls"):
            client.start_tls(self._context)
            client.ehlo()
            is_secure = True
        if not is_secure and self._tls == "require":
            raise MisconfiguredError("smtp_no_tls")
        if self._user:
            if not is_secure and not is_loopback(self._host):
                raise MisconfiguredError("smtp_no_tls")
            client.login(self._user, self._password)

    def _hand_over(self, client: SmtpClient, letter: "_Letter") -> None:
        """Run one mail transaction (RFC 5321, section 3.3)."""
        self._has_utf8 = client.has_extn("smtputf8")
        if letter.is_utf8 and not self._has_utf8:
            raise RejectedError(ADDRESS_UNSUPPORTED)
        client.command_encoding = "utf-8" if letter.is_utf8 else "ascii"
        was_sent = False
        try:
            self._check(client.docmd(letter.mail_command), (250,), SenderRefusedError)
            self._check(client.docmd(letter.rcpt_command), (250, 251), RejectedError)
            self._check(client.docmd("DATA"), (354,), RejectedError)
            # The last reply may take its time; where too little is left, nothing is handed over.
            if client.deadline.left() <= self._limits.read_seconds:
                raise TemporaryError("smtp_slow")
            client.send(letter.content)
            was_sent = True
            reply = client.getreply()
        except (OSError, smtplib.SMTPException):
            if was_sent:
                raise OutcomeUnknownError("smtp_connection_broken") from None
            raise TemporaryError("smtp_connection_broken") from None
        if reply[0] != 250 and not 400 <= reply[0] < 600:  # no SMTP reply at all
            raise OutcomeUnknownError("smtp_malformed_reply")
        self._check(reply, (250,), RejectedError)

    @staticmethod
    def _check(
        reply: tuple[int, bytes],
        good: tuple[int, ...],
        permanent: type[MisconfiguredError | RejectedError],
    ) -> None:
        """Raise what a reply means unless it is a good one."""
        code = reply[0]
        if code in good:
            return
        if code in (530, 535, 538):
            raise MisconfiguredError(f"smtp_{code}")
        if 500 <= code < 600:
            raise permanent(f"smtp_{code}")
        raise TemporaryError(f"smtp_{code}")


def _not_connected(error: Exception) -> ProviderError:
    """Return what a failure before the first email means: nothing was handed over yet."""
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return MisconfiguredError("smtp_no_auth")
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        is_permanent = 500 <= code < 600
        kind = MisconfiguredError if is_permanent else TemporaryError
        return kind(f"smtp_{code}")
    if isinstance(error, ssl.SSLError):
        return TemporaryError("tls_failed")
    if isinstance(error, TimeoutError):
        return TemporaryError("connect_timeout")
    return TemporaryError("connect_failed")
