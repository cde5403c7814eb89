"""Composes the emails of a batch, from their rows alone."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from service.domain.subscription import MessageKind
from service.log import error_fields
from service.mail.compose import ComposeInput, compose
from service.mail.provider import Mail
from service.store.delivery.claims import ClaimedBatch, ClaimedMessage
from service.tokens import Tokens
from service.usecases.lists.lists import Lists

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """What delivery needs of the settings."""

    public_url: str
    sender: str
    confirm_days: int
    address_hash_key: bytes
    unknown_grace: timedelta
    """How long a call of unknown outcome rests before its messages are sent again without the
    provider's own guard against duplicates.
    """


class Composer:
    """Composes emails. Thread-safe."""

    def __init__(self, *, lists: Lists, tokens: Tokens, settings: MailSettings) -> None:
        """Take what an email is made from beside its row."""
        self._lists = lists
        self._tokens = tokens
        self._settings = settings
        # One batch after the other: the threads share one interpreter, so that composed together
        # they would be ready together, and all be under way when this process dies.
        self._lock = threading.Lock()

    def compose_all(self, batch: ClaimedBatch) -> dict[UUID, Mail | None]:
        """Compose each message's email; None where that is not possible."""
        with self._lock:
            return {message.id: self._compose_or_log(message) for message in batch.messages}

    def _compose_or_log(self, message: ClaimedMessage) -> Mail | None:
        """Compose the email; None where its row does not allow it, which must not delay the rest.

        Raises `SQLAlchemyError`: the database is to blame then, and the lease runs out by itself.
        """
        try:
            return self._compose(message)
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is this row alone
            _log.error("not composable", message=str(message.id), **error_fields(error))
            return None

    def _compose(self, message: ClaimedMessage) -> Mail:
        """Compose the email from the row alone, so that each retry gives the same bytes."""
        lists = self._lists.by_ids(message.scope.list_ids)
        start = self._settings.public_url
        confirm_url = code = None
        if message.kind is MessageKind.CONFIRM:
            token = self._tokens.confirm.issue(message.scope, at=message.created_at)
            confirm_url = f"{start}/confirm/{token}"
            code = self._tokens.confirm.code(message.scope, at=message.created_at)
        unsubscribe = self._tokens.unsubscribe.issue(message.scope, at=message.created_at)
        return compose(
            ComposeInput(
                message_id=message.id,
                kind=message.kind,
                recipient=message.email,
                lists=lists,
                locale=message.locale or lists[0].locale,
                sender=self._settings.sender,
                confirm_url=confirm_url,
                code=code,
                unsubscribe_url=f"{start}/unsubscribe/{unsubscribe}",
                created_at=message.created_at,
                confirm_days=self._settings.confirm_days,
                public_url=start,
            )
        )
