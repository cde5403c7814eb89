"""The local mailbox: a Maildir of what was sent, for the embedded default and its page."""

import mailbox
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import UUID, uuid4

_NAME = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxMail:
    """One mail in the mailbox, decoded. Empty text or html: the message has no such part."""

    message_id: UUID
    received_at: datetime
    subject: str
    sender: str
    recipient: str
    headers: tuple[tuple[str, str], ...]
    """Every header in order, decoded."""
    text: str
    html: str


class Mailbox:
    """A folder of mails (Maildir: `tmp`, `new`, `cur`), one `.eml` a mail, named by message id.

    Several processes may write and read at once: a mail is written under `tmp` and then linked
    whole into `new`, where the first of two writers wins.
    """

    def __init__(self, directory: Path) -> None:
        """Use this folder; it is made when the first mail comes."""
        self._directory = directory
        self._new = directory / "new"

    def add(self, message_id: UUID, message: bytes, *, at: datetime) -> None:
        """Store the message, its lines ended by LF alone, received `at`, unless one with this id is
        there already.
        """
        kept = self._new / message_id.hex
        if kept.exists():
            return
        if not self._new.exists():
            self._directory.parent.mkdir(parents=True, exist_ok=True)
            mailbox.Maildir(self._directory, create=True)
        draft = self._directory / "tmp" / f"{message_id.hex}.{uuid4().hex}"
        with draft.open("wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
        os.utime(draft, (at.timestamp(), at.timestamp()))
        with suppress(FileExistsError):
            kept.hardlink_to(draft)
        draft.unlink()

    def messages(self, limit: int = 100) -> Sequence[MailboxMail]:
        """Return up to `limit` mails, newest first."""
        try:
            paths = [path for path in self._new.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return []
        newest = sorted(((path.stat().st_mtime_ns, path) for path in paths), reverse=True)
        return [_read(path) for _, path in newest[:limit]]

    def get(self, message_id: UUID) -> MailboxMail | None:
        """Return the mail with this message id, or None."""
        try:
            return _read(self._new / message_id.hex)
        except FileNotFoundError:
            return None


def _read(path: Path) -> MailboxMail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    return MailboxMail(
        message_id=UUID(path.name),
        received_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        subject=str(message.get("Subject", "")),
        sender=str(message.get("From", "")),
        recipient=str(message.get("To", "")),
        headers=tuple((name, str(value)) for name, value in message.items()),
        text=_part(message, "plain"),
        html=_part(message, "html"),
    )


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    return "" if part is None else str(part.get_content())
