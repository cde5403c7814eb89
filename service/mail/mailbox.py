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
    """One email in the mailbox, decoded. Empty text or html: the message has no such part."""

    message_id: UUID
    received_at: datetime
    subject: str
    sender: str
    recipient: str
    headers: tuple[tuple[str, str], ...]
    """Every header in order, decoded."""
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableMail:
    """A file of the mailbox that cannot be shown: damaged, or not to be opened."""

    message_id: UUID
    path: Path


class Mailbox:
    """A folder of emails (Maildir: `tmp`, `new`, `cur`), one `.eml` an email, named by message id.

    Several processes may write and read at once: an email is written under `tmp` and then linked
    whole into `new`, where the first of two writers wins.
    """

    def __init__(self, directory: Path) -> None:
        """Use this folder; it is made when the first email comes."""
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
            self._directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mailbox.Maildir(self._directory, create=True)  # its folders have mode 0700
        draft = self._directory / "tmp" / f"{message_id.hex}.{uuid4().hex}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
        os.utime(draft, (at.timestamp(), at.timestamp()))
        with suppress(FileExistsError):
            kept.hardlink_to(draft)
        draft.unlink()

    def messages(self, limit: int = 100) -> Sequence[MailboxMail | UnreadableMail]:
        """Return up to `limit` emails, newest first."""
        try:
            paths = [path for path in self._new.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return []
        newest = sorted(((_written_ns(path), path) for path in paths), reverse=True)
        found = (self.get(UUID(path.name)) for _, path in newest[:limit])
        return [mail for mail in found if mail is not None]

    def get(self, message_id: UUID) -> MailboxMail | UnreadableMail | None:
        """Return the email with this message id, or None."""
        path = self._new / message_id.hex
        try:
            return _read(path)
        except FileNotFoundError:
            return None
        except Exception:  # noqa: BLE001 - the parser has no list of what damaged bytes make it raise
            return UnreadableMail(message_id=message_id, path=path)


def _written_ns(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:  # removed meanwhile
        return 0


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
