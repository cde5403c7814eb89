"""Signing in to the admin pages by way of an identity provider (OpenID Connect)."""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from service.clock import utc_now
from service.domain.access.admission import Account, AdmissionRule
from service.domain.errors import (
    IssuerAnswerError,
    IssuerUnavailableError,
    LinkForgedError,
    SignInBrokenError,
    SignInDeclinedError,
    SignInRefusedError,
)
from service.oidc.calls import answer_error, code_of, unavailable_error
from service.oidc.provider import Attempt, IdentityProvider
from service.tokens import SignInTokens
from service.usecases.access.sessions import AdminSessions

ATTEMPT_LIFE = timedelta(minutes=10)
"""How long a person may take at the provider."""
SEED_BYTES = 32
BUSY = ("server_error", "temporarily_unavailable")
DECLINED = ("access_denied", "consent_required", "interaction_required", "login_required")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A sign-in on its way: what the browser keeps meanwhile, and where it goes."""

    token: str
    address: str
    life: timedelta = ATTEMPT_LIFE
    """How long the browser keeps it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The secret of a new session, and the page that was asked for before."""

    secret: str
    wanted: str


class OidcSignIn:
    """Sends people to the provider, and lets in those of them who may come."""

    def __init__(
        self,
        provider: IdentityProvider,
        *,
        rule: AdmissionRule,
        tokens: SignInTokens,
        sessions: AdminSessions,
    ) -> None:
        """Take what the use case works with."""
        self._provider = provider
        self._rule = rule
        self._tokens = tokens
        self._sessions = sessions

    def begin(self, wanted: str) -> Begun:
        """Begin a sign-in that leads to the page `wanted`; nothing is kept here.

        Raises `IssuerUnavailableError` or `IssuerAnswerError`.
        """
        seed = secrets.token_bytes(SEED_BYTES)
        return Begun(
            token=self._tokens.issue(seed, wanted=wanted, at=utc_now()),
            address=self._provider.address_of(self._attempt(seed)),
        )

    def finish(self, token: str, answer: Mapping[str, str]) -> Opened:
        """Open a session for whom the provider's answer (RFC 6749, section 4.1.2) stands for.

        `token` is what the browser kept. Raises `SignInBrokenError` where the two do not belong
        together or the time is over, `SignInDeclinedError`, `SignInRefusedError`, or as `begin`.
        """
        attempt, wanted = self._attempt_of(token)
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise SignInBrokenError
        self._provider.check_issuer(answer.get("iss"))
        if "error" in answer:
            raise _error_of(code_of(answer["error"]))
        if not answer.get("code"):
            raise SignInBrokenError
        claims = self._provider.claims_for(answer["code"], attempt, rule=self._rule)
        account = Account.of(claims)
        reason = self._rule.refusal(claims)
        if reason is not None:
            _log.info("sign-in refused", reason=reason)
            self._sessions.refuse(account, reason=reason)
            raise SignInRefusedError(account.name, reason=reason)
        return Opened(secret=self._sessions.open_for(account), wanted=wanted)

    def _attempt_of(self, token: str) -> tuple[Attempt, str]:
        try:
            seed, wanted, begun_at = self._tokens.read(token)
        except LinkForgedError:
            raise SignInBrokenError from None
        if utc_now() - begun_at > ATTEMPT_LIFE:
            raise SignInBrokenError
        return self._attempt(seed), wanted

    def _attempt(self, seed: bytes) -> Attempt:
        return Attempt(
            state=self._tokens.derive(seed, "state"),
            nonce=self._tokens.derive(seed, "nonce"),
            code_verifier=self._tokens.derive(seed, "code_verifier"),
        )


def _error_of(
    code: str,
) -> IssuerUnavailableError | IssuerAnswerError | SignInDeclinedError:
    """Return the error of ours for one of the provider's (RFC 6749, section 4.1.2.1)."""
    if code in BUSY:
        return unavailable_error(code)
    return SignInDeclinedError() if code in DECLINED else answer_error(code)
