"""What the use cases of everybody stand on."""

from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from service.config import Settings

if TYPE_CHECKING:
    from service.store.delivery.signal import MailSignal
    from service.tokens import Tokens
    from service.usecases.lists.consent_texts import ConsentTexts
    from service.usecases.lists.lists import Lists


class Shared:
    """One engine, one set of keys, one `Lists` with its cache."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """Take the settings and the database; nothing is built, read or opened yet."""
        self.settings = settings
        self.engine = engine

    def close(self) -> None:
        """Close the connections to the database, once signals under way are sent."""
        self.mail_is_due.close()
        self.engine.dispose()

    @cached_property
    def tokens(self) -> "Tokens":
        """Signed links, a class for each purpose."""
        from service.tokens import Tokens

        return Tokens.from_keys(self.settings.secret_keys)

    @cached_property
    def mail_is_due(self) -> "MailSignal":
        """Wakes the workers."""
        from service.store.delivery.signal import MailSignal

        return MailSignal(self.engine)

    @cached_property
    def lists(self) -> "Lists":
        """Mailing lists, as this process has last read them."""
        from service.usecases.lists.lists import Lists

        return Lists(self.engine)

    @cached_property
    def consent_texts(self) -> "ConsentTexts":
        """What people agree to, by version."""
        from service.usecases.lists.consent_texts import ConsentTexts

        return ConsentTexts(self.engine, lists=self.lists)
