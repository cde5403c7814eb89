"""What visitors and subscribers call: signing up, and the links in emails."""

from functools import cached_property
from typing import TYPE_CHECKING

from service.services.shared import Shared

if TYPE_CHECKING:
    from service.usecases.feedback import Feedback
    from service.usecases.ledger.receipts import Receipts
    from service.usecases.links.confirm import Confirm
    from service.usecases.links.unsubscribe import Unsubscribe
    from service.usecases.signup.guard import Guard
    from service.usecases.signup.idempotency import Idempotency
    from service.usecases.signup.intake import Intake
    from service.usecases.signup.status import SignupStatus
    from service.usecases.signup.subscribe import Subscribe


class ForVisitors(Shared):
    """Use cases that need no key."""

    @cached_property
    def guard(self) -> "Guard":
        """Counts and judges signups. A wrong `REDIS_URL` is a `SettingError`."""
        from disposable_email_domains import blocklist

        from service.store.signup.counters import open_counters
        from service.usecases.signup.guard import Guard, limits_of

        return Guard(
            open_counters(self.settings.redis_url),
            limits=limits_of(self.settings),
            lists=self.lists,
            tokens=self.tokens.form,
            is_disposable=blocklist.__contains__,
            is_enabled=self.settings.ratelimit_enabled,
        )

    @cached_property
    def intake(self) -> "Intake":
        """What a request goes through on its way to `subscribe`."""
        from service.usecases.signup.extra_step import ExtraStep
        from service.usecases.signup.intake import Intake

        return Intake(self.subscribe, once=self.idempotency, steps=ExtraStep(self.tokens.step))

    @cached_property
    def idempotency(self) -> "Idempotency":
        """Answers that were given, by `Idempotency-Key`."""
        from service.usecases.signup.idempotency import Idempotency

        return Idempotency(self.engine)

    @cached_property
    def subscribe(self) -> "Subscribe":
        """Takes signups."""
        from service.usecases.signup.subscribe import Subscribe

        return Subscribe(
            self.engine,
            lists=self.lists,
            texts=self.consent_texts,
            tokens=self.tokens.status,
            mail_is_due=self.mail_is_due,
        )

    @cached_property
    def signup_status(self) -> "SignupStatus":
        """How far a signup has come."""
        from service.usecases.signup.status import SignupStatus

        return SignupStatus(
            self.engine,
            lists=self.lists,
            tokens=self.tokens.status,
            mail_urls=self.settings.mail_urls,
        )

    @cached_property
    def confirm(self) -> "Confirm":
        """Confirms, by link or by code."""
        from service.usecases.links.confirm import Confirm

        return Confirm(
            self.engine,
            lists=self.lists,
            texts=self.consent_texts,
            tokens=self.tokens,
            address_hash_key=self.settings.address_hash_key,
            confirm_days=self.settings.confirm_days,
            mail_is_due=self.mail_is_due,
        )

    @cached_property
    def unsubscribe(self) -> "Unsubscribe":
        """Unsubscribes by link, and takes it back."""
        from service.usecases.links.unsubscribe import Unsubscribe

        return Unsubscribe(self.engine, lists=self.lists, tokens=self.tokens)

    @cached_property
    def receipts(self) -> "Receipts":
        """Proofs of consent."""
        from service.signing import Signer, earlier_public_key, seed_of
        from service.usecases.ledger.receipts import Receipts

        return Receipts(
            self.engine,
            lists=self.lists,
            tokens=self.tokens.receipt,
            signer=Signer(seed_of(self.settings.receipt_key)),
            earlier_keys=[earlier_public_key(key) for key in self.settings.receipt_key_fallbacks],
        )

    @cached_property
    def feedback(self) -> "Feedback":
        """Takes the events of mail APIs, and matches those that wait."""
        from service.mail.events.registry import EventParsers
        from service.usecases.feedback import Feedback

        return Feedback(
            self.engine,
            address_hash_key=self.settings.address_hash_key,
            parse=EventParsers(self.settings.webhook_secrets),
        )
