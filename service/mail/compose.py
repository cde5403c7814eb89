"""What an email says: texts, list headers, and who sends it. The same input gives the same email.

The links are handed in; this module knows no tokens. Texts come from `templates/` and are prepared
for translation: a catalogue in `service/translations` for the reader's language is used where there
is one, English otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit
from uuid import UUID

from babel import Locale
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import escape

from service.domain.delivery.sender import Sender, parse_sender
from service.domain.errors import SenderError
from service.domain.languages import is_language_tag
from service.domain.lists.mailing_list import ListInfo
from service.domain.subscription import MessageKind
from service.mail.mime import one_line, phrase, wire_address
from service.mail.provider import Mail

TRANSLATIONS = Path(__file__).parents[1] / "translations"
SOURCE_LOCALE = "en"
# What differs from email to email is put in after the templates are rendered, for they are most of
# an email's cost. No text can hold a mark: each process makes its own.
_MARKS = {name: f"{name}-{token_hex(16)}-" for name in ("confirm_url", "code", "unsubscribe_url")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeInput:
    """Everything an email is made from."""

    message_id: UUID
    kind: MessageKind
    recipient: str
    """The bare address."""
    lists: tuple[ListInfo, ...]
    """One or more. The first gives `List-Id` and, where all agree, the sender."""
    locale: str
    """The reader's language as a BCP 47 tag, such as `de` or `pt-BR`."""
    sender: str
    """`Name <address>`, for lists without a sender of their own."""
    confirm_url: str | None
    """Only for `MessageKind.CONFIRM`, as is the code."""
    code: str | None
    """Digits to type on the page after signup."""
    unsubscribe_url: str
    """The unsubscribe page, which also takes the one-click POST (RFC 8058)."""
    created_at: datetime
    """When the email was promised."""
    confirm_days: int
    """How long the confirm link works, in days."""
    public_url: str
    """Start of the service's links; its host makes the `List-Id` unique."""


def compose(message: ComposeInput) -> Mail:
    """Return the email: subject, plain text, HTML and headers.

    Headers: `List-Id` (RFC 2919), `List-Unsubscribe` (RFC 2369) with `List-Unsubscribe-Post`
    (RFC 8058), `Auto-Submitted` (RFC 3834) and Exchange's `X-Auto-Response-Suppress`.
    """
    shared = _render(
        _Kind(
            kind=message.kind,
            lists=message.lists,
            locale=message.locale,
            sender=message.sender,
            confirm_days=message.confirm_days,
            public_url=message.public_url,
        )
    )
    text, html = shared.text, shared.html
    for name, mark in _MARKS.items():
        value = getattr(message, name) or ""
        text = text.replace(mark, value)
        html = html.replace(mark, escape(value))
    return Mail(
        message_id=message.message_id,
        sender=shared.sender,
        recipient=wire_address(message.recipient),
        subject=shared.subject,
        text=text,
        html=html,
        headers={
            "List-Id": shared.list_id,
            "List-Unsubscribe": f"<{message.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "OOF, AutoReply",
        },
        tag=str(message.kind),
        created_at=message.created_at,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What emails have in common that differ only in what `_MARKS` stand for."""

    kind: MessageKind
    lists: tuple[ListInfo, ...]
    locale: str
    sender: str
    confirm_days: int
    public_url: str

    def __hash__(self) -> int:
        # Of every field it would take as long as all the rest; equality still looks at them all.
        return hash((self.kind, self.locale, *(one.id for one in self.lists)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    subject: str
    text: str
    html: str
    sender: Sender
    list_id: str


@lru_cache(maxsize=256)
def _render(kind: _Kind) -> _Shared:
    environment = _environment(kind.locale)
    sender = sender_of(kind.lists, kind.sender)
    senders = {(one.controller, one.privacy_url): None for one in kind.lists}
    is_confirm = kind.kind is MessageKind.CONFIRM
    values: Mapping[str, object] = {
        "message": {
            "confirm_url": _MARKS["confirm_url"] if is_confirm else None,
            "code": _MARKS["code"] if is_confirm else None,
            "unsubscribe_url": _MARKS["unsubscribe_url"],
            "confirm_days": kind.confirm_days,
        },
        "names": [one_line(one.name) for one in kind.lists],
        "senders": [
            # A list without a controller is signed with who the email says it is from.
            {"controller": one_line(who) or sender.name or sender.address, "privacy_url": url}
            for who, url in senders
        ],
    }
    subject = one_line(environment.get_template(f"{kind.kind}.subject").render(values))
    text, html = (
        environment.get_template(f"{kind.kind}.{part}").render(values, subject=subject)
        for part in ("txt", "html")
    )
    return _Shared(
        subject=subject,
        text=text,
        html=html,
        sender=sender,
        list_id=_list_id(kind.lists[0], kind.public_url),
    )


def sender_of(lists: Sequence[ListInfo], default: str) -> Sender:
    """Return the sender of emails about these lists: their own if they agree on one that is usable,
    else `default`.

    A list may hold one from before senders were checked; `doctor` names it.
    """
    own = {one.sender for one in lists}
    if len(own) == 1 and (text := own.pop()):
        try:
            return parse_sender(text)
        except SenderError:
            pass
    return parse_sender(default)


def _list_id(info: ListInfo, public_url: str) -> str:
    """Return `Name <slug.host>` (RFC 2919, section 3)."""
    host = (urlsplit(public_url).hostname or "localhost").replace(":", "-")
    return f"{phrase(info.name)} <{info.slug}.{host}>".strip()


@lru_cache(maxsize=64)
def _environment(locale: str) -> Environment:
    """Return the templates with the texts of a locale, or of English where it has no catalogue."""
    tag = locale.replace("-", "_") if is_language_tag(locale) else SOURCE_LOCALE
    tags = list(dict.fromkeys((tag, tag.partition("_")[0])))
    translations = Translations.load(TRANSLATIONS, tags)
    language, direction = SOURCE_LOCALE, "ltr"
    if isinstance(translations, Translations):
        spoken = Locale.parse(translations.info().get("language", tag))
        language, direction = str(spoken).replace("_", "-"), spoken.text_direction
    environment = Environment(
        loader=PackageLoader("service.mail"),
        autoescape=select_autoescape(["html"], default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.globals.update(language=language, direction=direction)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined] # made by the extension
    return environment
