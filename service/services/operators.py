"""What runs beside the web: delivery with the other jobs of a worker, and operators' commands."""

import os
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from service.config import SettingError
from service.services.administrators import ForAdministrators
from service.services.visitors import ForVisitors

if TYPE_CHECKING:
    from service.usecases.delivery.deliver import Deliver
    from service.usecases.delivery.providers import ProviderPool
    from service.usecases.ledger.seal import SealLedger
    from service.usecases.operations.backup import Backup
    from service.usecases.operations.chores import Chore
    from service.usecases.operations.doctor import Doctor
    from service.usecases.operations.heartbeat import Heartbeat
    from service.usecases.webhooks.deliver import DeliverWebhooks

WEBHOOKS_AT_ONCE = 64
FORGET_EVERY_SECONDS = 3600.0
SEAL_EVERY_SECONDS = 1.0


class ForOperators(ForVisitors, ForAdministrators):
    """Use cases that no view calls."""

    @cached_property
    def provider_pool(self) -> "ProviderPool":
        """The mail APIs of `MAIL_URL`, in order of preference; a bad one is a `SettingError`."""
        from service.mail.registry import account_names, build_provider
        from service.usecases.delivery.providers import GuardedProvider, ProviderPool

        urls, mailbox = self.settings.mail_urls, self.settings.data_dir / "mailbox"
        try:
            return ProviderPool(
                [
                    GuardedProvider(build_provider(url, mailbox_dir=mailbox), name=name)
                    for url, name in zip(urls, account_names(urls), strict=True)
                ]
            )
        except ValueError as error:
            raise SettingError("MAIL_URL", str(error).removeprefix("MAIL_URL ")) from None

    @cached_property
    def deliver(self) -> "Deliver":
        """Hands due emails to the mail APIs."""
        from service.usecases.delivery.deliver import Deliver, MailSettings

        settings = self.settings
        return Deliver(
            self.engine,
            pool=self.provider_pool,
            lists=self.lists,
            tokens=self.tokens,
            settings=MailSettings(
                public_url=settings.public_url,
                sender=settings.mail_from,
                confirm_days=settings.confirm_days,
                address_hash_key=settings.address_hash_key,
                unknown_grace=timedelta(seconds=settings.unknown_grace_seconds),
            ),
        )

    @cached_property
    def deliver_webhooks(self) -> "DeliverWebhooks":
        """Sends events to webhooks."""
        from service.usecases.webhooks.deliver import DeliverWebhooks
        from service.webhooks.call import Call

        return DeliverWebhooks(
            self.engine, call=Call(allow_private=self.settings.webhook_allow_private)
        )

    @cached_property
    def seal_ledger(self) -> "SealLedger":
        """Gives consent events their place in the ledger."""
        from service.signing import Signer, seed_of
        from service.usecases.ledger.seal import SealLedger

        return SealLedger(
            self.engine,
            signer=Signer(seed_of(self.settings.receipt_key)),
            texts=self.consent_texts,
        )

    @cached_property
    def heartbeat(self) -> "Heartbeat":
        """Tells the database that this worker runs."""
        from service.usecases.operations.heartbeat import Heartbeat

        return Heartbeat(self.engine, pool=self.provider_pool, public_url=self.settings.public_url)

    @cached_property
    def chores(self) -> "list[Chore]":
        """A worker's jobs beside delivery."""
        from service.usecases.access.sessions import forget_ended_sessions
        from service.usecases.feedback import MATCH_EVERY_SECONDS
        from service.usecases.links.confirm import forget_code_tries
        from service.usecases.operations.chores import Chore
        from service.usecases.operations.count_acts import COUNT_EVERY_SECONDS, count_acts
        from service.usecases.operations.heartbeat import BEAT_EVERY_SECONDS
        from service.usecases.people.search_index import TIDY_EVERY_SECONDS, tidy_search_index
        from service.usecases.webhooks.deliver import LOOK_EVERY_SECONDS

        hourly = partial(Chore, every_seconds=FORGET_EVERY_SECONDS)
        return [
            Chore(name="heartbeat", run=self.heartbeat.run, every_seconds=BEAT_EVERY_SECONDS),
            Chore(
                name="match feedback",
                run=self.feedback.match_waiting,
                every_seconds=MATCH_EVERY_SECONDS,
            ),
            Chore(
                name="tell webhooks",
                run=partial(self.deliver_webhooks.run_due, WEBHOOKS_AT_ONCE),
                run_until=self.deliver_webhooks.run,
                every_seconds=LOOK_EVERY_SECONDS,
            ),
            hourly(name="forget webhook calls", run=self.deliver_webhooks.forget_old),
            hourly(name="forget held signups", run=self.held.purge),
            hourly(
                name="forget wrong codes",
                run=partial(
                    forget_code_tries, self.engine, confirm_days=self.settings.confirm_days
                ),
            ),
            hourly(name="forget idempotency keys", run=self.idempotency.purge),
            hourly(name="forget ended sessions", run=partial(forget_ended_sessions, self.engine)),
            hourly(
                name="apply retention",
                run=self.heartbeat.noting_retention(self.retention.run_as_chore),
            ),
            Chore(
                name="seal ledger",
                run=self.seal_ledger.run_once,
                every_seconds=SEAL_EVERY_SECONDS,
            ),
            Chore(
                name="count acts",
                run=partial(count_acts, self.engine),
                every_seconds=COUNT_EVERY_SECONDS,
            ),
            Chore(
                name="tidy search index",
                run=partial(tidy_search_index, self.engine),
                every_seconds=TIDY_EVERY_SECONDS,
            ),
        ]

    @cached_property
    def backup(self) -> "Backup":
        """Copies the embedded database."""
        from service.usecases.operations.backup import Backup

        return Backup(self.engine)

    @cached_property
    def doctor(self) -> "Doctor":
        """Looks at whether the installation will work."""
        from service.usecases.operations.doctor import Doctor

        return Doctor(
            self.settings,
            health=self.health,
            keys=self.database_keys,
            lists=self.lists,
            environment=os.environ,
            metrics=self.metrics,
            engine=self.engine,
        )
