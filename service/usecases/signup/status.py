"""The page after signup: the state of the request's own email, never what was there before."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.delivery.retry import MessageStatus
from service.domain.lists.mailing_list import ListInfo
from service.mail.mime import wire_address
from service.mail.provider import ADDRESS_UNSUPPORTED, is_plain
from service.mail.registry import may_reach, provider_names
from service.store.database import reading
from service.store.delivery import outbox
from service.store.links.looks import progress_of
from service.tokens import StatusTokens
from service.usecases.links.views import MailProgress, StatusView
from service.usecases.lists.lists import Lists

DELAYED_AFTER = timedelta(minutes=2)
"""An email still queued after this time is called delayed."""
LEARNED_FOR = timedelta(days=1)
"""How long a provider's refusal of an address is taken to hold for addresses of that kind."""


class SignupStatus:
    """Says how far the email of one signup has come."""

    def __init__(
        self,
        engine: Engine,
        *,
        lists: Lists,
        tokens: StatusTokens,
        mail_urls: Sequence[str],
    ) -> None:
        """`mail_urls` say which mail APIs are set."""
        self._engine = engine
        self._lists = lists
        self._tokens = tokens
        self._mail_urls = mail_urls

    def __call__(self, token: str) -> StatusView:
        """Return the status. Raises `LinkForgedError`.

        A signup whose mail was withheld (the address had it already, or may not have it) looks like
        one whose mail goes through: it is sent, or delayed exactly while other mail is. Nor does it
        matter who has an address that no mail API carries: the page says so for each.
        """
        message_id = self._tokens.read(token)
        now = utc_now()
        found = progress_of(self._engine, message_id)
        message, oldest_due = found.message, found.oldest_due
        is_unreachable = self._is_unreachable(found.email)
        # A UUIDv7 begins with its time in milliseconds: decoys have one as every signup has.
        requested_at = datetime.fromtimestamp((message_id.int >> 80) / 1000, UTC)
        progress = MailProgress.SENT
        was_accepted = message is not None and message.status is MessageStatus.ACCEPTED
        if is_unreachable and not was_accepted:
            progress = MailProgress.UNREACHABLE
        elif message is None or message.status is MessageStatus.WITHHELD:
            is_late = oldest_due is not None and oldest_due <= requested_at
            if is_late and now - requested_at > DELAYED_AFTER:
                progress = MailProgress.DELAYED
        elif message.has_bounced or message.status is MessageStatus.FAILED:
            progress = MailProgress.BOUNCED
        elif message.status in (MessageStatus.QUEUED, MessageStatus.SENDING):
            is_late = now - message.created_at > DELAYED_AFTER
            progress = MailProgress.DELAYED if is_late else MailProgress.SENT
        return StatusView(progress=progress, requested_at=requested_at)

    def _is_unreachable(self, email: str | None) -> bool:
        """Tell whether no mail API carries mail to the address: by the address and by what is known
        of the APIs, never by whether a message was sent, so that one that is withheld or held for
        review looks the same.
        """
        if is_plain(email or ""):  # then it is plain as mail servers have it, too
            return False
        address = wire_address(email or "")
        if is_plain(address):
            return False
        if not may_reach(self._mail_urls, address):
            return True
        # An SMTP server shows only once it is called that it lacks SMTPUTF8.
        with reading(self._engine) as connection:
            return outbox.has_any_failed(
                connection,
                error=ADDRESS_UNSUPPORTED,
                providers=provider_names(self._mail_urls),
                since=utc_now() - LEARNED_FOR,
            )

    def own_list(self, token: str) -> ListInfo | None:
        """Return the one list that the signup can have been for, or None: it may have been for
        several. Raises `LinkForgedError`.
        """
        list_id = self._tokens.list_id(token)
        found = self._lists.all() if list_id is None else self._lists.by_ids([list_id])
        return found[0] if len(found) == 1 else None
