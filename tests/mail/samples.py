"""Mails to send and what a mail API made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from service.domain.lists.mailing_list import ListInfo
from service.domain.subscription import MessageKind
from service.mail.compose import ComposeInput, compose
from service.mail.provider import Mail, Provider, SendResult

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
NAMES = ("News Flash", "Nöws, “quick” & <small>", "新聞速報", 'A "B" \\ C')
KEY = "0198c0de-0000-7000-8000-000000000001"


def make_list(name: str = "News Flash", *, slug: str = "news-flash", **changes: object) -> ListInfo:
    values = {
        "id": UUID(int=1),
        "slug": slug,
        "name": name,
        "description": "",
        "controller": "Höfer & Co",
        "privacy_url": "https://example.org/privacy?a=1&b=2",
        "sender": None,
        "origins": (),
        "redirect_url": None,
        "locale": "en",
        "is_default": True,
        **changes,
    }
    return ListInfo(**values)  # type: ignore[arg-type] # a table of values


def make_input(number: int = 1, **changes: object) -> ComposeInput:
    values = {
        "message_id": UUID(int=number),
        "kind": MessageKind.CONFIRM,
        "recipient": f"reader{number}@example.org",
        "lists": (make_list(NAMES[number % len(NAMES)]),),
        "locale": "en",
        "sender": '"Zoë, of “News”" <news@example.com>',
        "confirm_url": f"https://news.example.com/confirm/{'c' * 80}{number}",
        "code": "012345",
        "unsubscribe_url": f"https://news.example.com/unsubscribe/{'u' * 80}{number}",
        "created_at": AT,
        "confirm_days": 7,
        "public_url": "https://news.example.com",
        **changes,
    }
    return ComposeInput(**values)  # type: ignore[arg-type] # a table of values


def make_mails(count: int) -> list[Mail]:
    return [compose(make_input(number)) for number in range(1, count + 1)]


@dataclass(frozen=True)
class Seen:
    """One mail as the API understood it."""

    recipients: list[str]
    sender: tuple[str, str]
    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)


def as_seen(mail: Mail) -> Seen:
    """What an API has to have understood of this mail."""
    return Seen(
        [mail.recipient],
        ("Zoë, of “News”", "news@example.com"),
        mail.subject,
        mail.text,
        mail.html,
        dict(mail.headers),
    )


def send(provider: Provider, mails: Sequence[Mail]) -> Sequence[SendResult]:
    """Prepare the call that hands these mails over, and make it."""
    return provider.prepare(mails, key=KEY)()
