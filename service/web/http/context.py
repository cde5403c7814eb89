"""What views reach for: the use cases of this app, and the circumstances of the request."""

from contextlib import suppress
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from flask import current_app, request

from service.config import Settings
from service.domain.consent import Evidence, IpPolicy, kept_ip
from service.domain.subscription import MAX_LISTS
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

EXTENSION = "newsflash"
MAX_SOURCE_LENGTH = 500
SHOWN_TEXT_FIELD = "consent_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCases:
    """Everything that a view may call, built once by `create_app`."""

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


def usecases() -> UseCases:
    """Return the use cases of the current app."""
    return cast(UseCases, current_app.extensions[EXTENSION])


def evidence(*, source: str | None = None, locale: str | None = None) -> Evidence:
    """Return the circumstances of this request as the consent ledger keeps them.

    `source` names the form or page; without it, the page that the request came from.
    """
    policy = IpPolicy(usecases().settings.consent_ip)
    named = source or request.referrer
    return Evidence(
        source=named[:MAX_SOURCE_LENGTH] if named else None,
        locale=locale,
        ip=kept_ip(request.remote_addr, policy),
        shown_texts=_shown_texts(),
    )


def _shown_texts() -> dict[UUID, str]:
    """Read which consent texts the posted form showed: a field `<list id>:<version>` for each."""
    shown = {}
    for given in request.form.getlist(SHOWN_TEXT_FIELD)[:MAX_LISTS]:
        list_id, _, version = given.partition(":")
        with suppress(ValueError):
            shown[UUID(list_id)] = version
    return shown
