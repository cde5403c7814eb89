"""`mailbox:`: emails stay on this machine, in a Maildir that the browser shows."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from service.clock import utc_now
from service.domain.delivery.retry import SendOutcome
from service.mail.mailbox import Mailbox
from service.mail.mime import rfc_message_id, to_message
from service.mail.pace import Pace
from service.mail.provider import Mail, PreparedCall, SendResult, TemporaryError


class MailboxProvider:
    """Puts each email into a `Mailbox`. Idempotent by message id, so a retry adds nothing."""

    name = "mailbox"
    batch_size = 50
    key_life = timedelta(days=365)
    """For good: longer than any email is retried."""

    def __init__(self, mailbox: Mailbox, pace: Pace) -> None:
        """Take the mailbox to fill, and how fast."""
        self._mailbox = mailbox
        self.pace = pace

    def reaches(self, address: str) -> bool:  # noqa: ARG002 - a file takes them all
        """See `Provider.reaches`."""
        return True

    def prepare(self, mails: Sequence[Mail], *, key: str) -> PreparedCall:  # noqa: ARG002 - ids do
        """See `Provider.prepare`."""
        return partial(self._call, [(mail, _content(mail)) for mail in mails])

    def _call(self, contents: Sequence[tuple[Mail, bytes]]) -> Sequence[SendResult]:
        """Store the emails; `TemporaryError` where the disk does not take the file."""
        send_results = []
        for mail, content in contents:
            try:
                self._mailbox.add(mail.message_id, content, at=utc_now())
            except OSError:
                raise TemporaryError("disk") from None
            send_results.append(
                SendResult(
                    message_id=mail.message_id,
                    outcome=SendOutcome.ACCEPTED,
                    provider_message_id=rfc_message_id(mail),
                )
            )
        return send_results

    def close(self) -> None:
        """Nothing is held open."""


def _content(mail: Mail) -> bytes:
    message = to_message(mail)
    return message.as_bytes(policy=message.policy.clone(linesep="\n"))
