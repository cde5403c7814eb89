"""What administrators call: by the admin pages, the API or the command line."""

from functools import cached_property
from typing import TYPE_CHECKING

from service.services.shared import Shared

if TYPE_CHECKING:
    from service.usecases.access.audit import Audit
    from service.usecases.access.keys import Keys
    from service.usecases.access.oidc_sign_in import OidcSignIn
    from service.usecases.access.sessions import AdminSessions
    from service.usecases.delivery.outbox import Outbox
    from service.usecases.files.export import Export
    from service.usecases.files.import_subscribers import Import
    from service.usecases.files.manifests import Exports
    from service.usecases.operations.database_keys import DatabaseKeys
    from service.usecases.operations.health import Health
    from service.usecases.operations.metrics import Metrics
    from service.usecases.operations.statistics import Statistics
    from service.usecases.people.end_subscription import EndSubscription
    from service.usecases.people.retention import Retention
    from service.usecases.people.subscribers import Subscribers
    from service.usecases.people.suppressions import Suppressions
    from service.usecases.signup.held import HeldSignups
    from service.usecases.webhooks.receivers import Webhooks

OIDC_CALLBACK = "/admin/oidc/callback"
"""The path below `PUBLIC_URL` that the identity provider has to know."""


class ForAdministrators(Shared):
    """Use cases behind a key or a session, and those that tell how the service stands."""

    @cached_property
    def keys(self) -> "Keys":
        """API keys."""
        from service.usecases.access.keys import Keys

        return Keys(self.engine, lists=self.lists)

    @cached_property
    def audit(self) -> "Audit":
        """What administrators did."""
        from service.usecases.access.audit import Audit

        return Audit(self.engine)

    @cached_property
    def admin_sessions(self) -> "AdminSessions":
        """Who is signed in to the admin pages."""
        from service.usecases.access.sessions import AdminSessions, admission_rule

        oidc = self.settings.oidc
        return AdminSessions(
            self.engine,
            keys=self.keys,
            tokens=self.tokens.admin_link,
            admission=None
            if oidc is None
            else admission_rule(oidc).fingerprint(issuer=oidc.issuer, client_id=oidc.client_id),
        )

    @cached_property
    def oidc_sign_in(self) -> "OidcSignIn | None":
        """Signing in by an identity provider; None where the settings name none."""
        oidc = self.settings.oidc
        if oidc is None:
            return None
        from service.oidc.provider import IdentityProvider
        from service.usecases.access.oidc_sign_in import OidcSignIn
        from service.usecases.access.sessions import admission_rule

        return OidcSignIn(
            IdentityProvider(oidc, redirect_uri=self.settings.public_url + OIDC_CALLBACK),
            rule=admission_rule(oidc),
            tokens=self.tokens.sign_in,
            sessions=self.admin_sessions,
        )

    @cached_property
    def subscribers(self) -> "Subscribers":
        """People: find, show, correct, erase."""
        from service.usecases.people.subscribers import Subscribers

        return Subscribers(
            self.engine, lists=self.lists, address_hash_key=self.settings.address_hash_key
        )

    @cached_property
    def suppressions(self) -> "Suppressions":
        """Addresses not to be mailed."""
        from service.usecases.people.suppressions import Suppressions

        return Suppressions(self.engine, address_hash_key=self.settings.address_hash_key)

    @cached_property
    def end_subscription(self) -> "EndSubscription":
        """Unsubscribes a person from one list."""
        from service.usecases.people.end_subscription import EndSubscription

        return EndSubscription(self.engine, lists=self.lists)

    @cached_property
    def retention(self) -> "Retention":
        """Removes what has been kept long enough."""
        from service.usecases.people.retention import Retention, RetentionRules

        return Retention(
            self.engine,
            rules=RetentionRules.of(self.settings),
            address_hash_key=self.settings.address_hash_key,
        )

    @cached_property
    def held(self) -> "HeldSignups":
        """Signups that wait for a person's decision."""
        from service.usecases.signup.held import HeldSignups

        return HeldSignups(self.engine, lists=self.lists, mail_is_due=self.mail_is_due)

    @cached_property
    def export(self) -> "Export":
        """Writes files of subscriptions."""
        from service.usecases.files.export import Export

        return Export(
            self.engine,
            lists=self.lists,
            tokens=self.tokens.unsubscribe,
            public_url=self.settings.public_url,
        )

    @cached_property
    def exports(self) -> "Exports":
        """Manifests of the files that were written."""
        from service.usecases.files.manifests import Exports

        return Exports(self.engine)

    @cached_property
    def import_(self) -> "Import":
        """Reads files of subscriptions."""
        from service.usecases.files.import_subscribers import Import

        return Import(
            self.engine, lists=self.lists, address_hash_key=self.settings.address_hash_key
        )

    @cached_property
    def outbox(self) -> "Outbox":
        """Emails that the service has promised."""
        from service.usecases.delivery.outbox import Outbox

        return Outbox(
            self.engine,
            lists=self.lists,
            confirm_days=self.settings.confirm_days,
            mail_is_due=self.mail_is_due,
        )

    @cached_property
    def webhooks(self) -> "Webhooks":
        """The site's own systems that are sent events."""
        from service.usecases.webhooks.receivers import Webhooks

        return Webhooks(
            self.engine, lists=self.lists, allow_private=self.settings.webhook_allow_private
        )

    @cached_property
    def statistics(self) -> "Statistics":
        """Signups, confirmations and unsubscribes by day."""
        from service.usecases.operations.statistics import Statistics

        return Statistics(self.engine, lists=self.lists)

    @cached_property
    def metrics(self) -> "Metrics":
        """How delivery and the ledger stand."""
        from service.usecases.operations.metrics import Metrics

        return Metrics(self.engine, mail_urls=self.settings.mail_urls)

    @cached_property
    def database_keys(self) -> "DatabaseKeys":
        """Whether keys and database belong together."""
        from service.usecases.operations.database_keys import DatabaseKeys, given_keys

        return DatabaseKeys(self.engine, given_keys(self.settings))

    @cached_property
    def health(self) -> "Health":
        """Whether the service can do its work."""
        from service.store.operations.version import newest_revision
        from service.usecases.operations.health import Health

        return Health(self.engine, keys=self.database_keys, expected_revision=newest_revision())
