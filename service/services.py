"""Every use case of the service, built once."""

from dataclasses import dataclass

from service.config import Settings
from service.usecases.access.audit import Audit
from service.usecases.access.keys import Keys
from service.usecases.access.oidc_sign_in import OidcSignIn
from service.usecases.access.sessions import AdminSessions
from service.usecases.delivery.outbox import Outbox
from service.usecases.feedback import Feedback
from service.usecases.files.export import Export
from service.usecases.files.import_subscribers import Import
from service.usecases.files.manifests import Exports
from service.usecases.ledger.receipts import Receipts
from service.usecases.links.confirm import Confirm
from service.usecases.links.unsubscribe import Unsubscribe
from service.usecases.lists.consent_texts import ConsentTexts
from service.usecases.lists.lists import Lists
from service.usecases.operations.database_keys import DatabaseKeys
from service.usecases.operations.health import Health
from service.usecases.operations.metrics import Metrics
from service.usecases.operations.statistics import Statistics
from service.usecases.people.end_subscription import EndSubscription
from service.usecases.people.retention import Retention
from service.usecases.people.subscribers import Subscribers
from service.usecases.people.suppressions import Suppressions
from service.usecases.signup.guard import Guard
from service.usecases.signup.held import HeldSignups
from service.usecases.signup.intake import Intake
from service.usecases.signup.status import SignupStatus
from service.usecases.signup.subscribe import Subscribe
from service.usecases.webhooks.receivers import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Every use case that views and commands call."""

    settings: Settings
    lists: Lists
    consent_texts: ConsentTexts
    guard: Guard
    subscribe: Subscribe
    intake: Intake
    held: HeldSignups
    signup_status: SignupStatus
    confirm: Confirm
    unsubscribe: Unsubscribe
    receipts: Receipts
    feedback: Feedback
    keys: Keys
    subscribers: Subscribers
    suppressions: Suppressions
    export: Export
    exports: Exports
    retention: Retention
    import_: Import
    audit: Audit
    admin_sessions: AdminSessions
    oidc_sign_in: OidcSignIn | None
    """None where the settings name no identity provider."""
    statistics: Statistics
    end_subscription: EndSubscription
    webhooks: Webhooks
    outbox: Outbox
    metrics: Metrics
    database_keys: DatabaseKeys
    health: Health
