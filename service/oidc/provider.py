"""The way to the identity provider, and what the code that it sends people back with is worth.

Authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636, S256), state and
nonce. The provider's keys are fetched for each sign-in, so that it may change them at any time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import ExpiredTokenError

from service.config import OidcSettings
from service.domain.access.admission import AdmissionRule, Claims
from service.domain.errors import SignInBrokenError
from service.oidc.calls import answer_error, calling, get_json
from service.oidc.discovery import Discovery, Metadata
from service.oidc.id_token import read_id_token


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one sign-in is known by: to the browser, in the ID token, at the token endpoint."""

    state: str
    nonce: str
    code_verifier: str


class IdentityProvider:
    """The identity provider of the settings. Safe to use from several threads.

    Its calls raise `IssuerUnavailableError` or `IssuerAnswerError` where the provider fails.
    """

    def __init__(self, settings: OidcSettings, *, redirect_uri: str) -> None:
        """`redirect_uri` is where the provider sends people back to, as registered there."""
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._discover = Discovery(settings.issuer)

    def address_of(self, attempt: Attempt) -> str:
        """Return the address at the provider where this sign-in goes on."""
        metadata = self._discover()
        with calling(self._session(metadata)) as session:
            url, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.code_verifier,
            )
        return str(url)

    def check_issuer(self, named: str | None) -> None:
        """Raise `IssuerAnswerError` where an answer names another issuer (RFC 9207)."""
        if named is not None and named != self._discover().issuer:
            raise answer_error("another_issuer")

    def claims_for(self, code: str, attempt: Attempt, *, rule: AdmissionRule) -> Claims:
        """Redeem the code and return what the provider says of the person.

        What the rule goes by and the ID token lacks is asked for at the UserInfo endpoint. Raises
        `SignInBrokenError` for a code that is used, too old or another sign-in's.
        """
        metadata = self._discover()
        with calling(self._session(metadata)) as session:
            token = self._redeem(session, metadata, code, attempt)
            try:
                claims = read_id_token(
                    token,
                    get_json(session, metadata.jwks_uri),
                    issuer=metadata.issuer,
                    client_id=self._settings.client_id,
                    nonce=attempt.nonce,
                )
            except ExpiredTokenError:
                raise SignInBrokenError from None
            if metadata.userinfo_endpoint is None or not rule.is_missing_any(claims):
                return claims
            return _joined(claims, get_json(session, metadata.userinfo_endpoint, with_token=True))

    def _redeem(
        self, session: OAuth2Session, metadata: Metadata, code: str, attempt: Attempt
    ) -> Mapping[str, Any]:
        try:
            token: Mapping[str, Any] = session.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.code_verifier,
                allow_redirects=False,
            )
        except AuthlibBaseError as error:
            if error.error == "invalid_grant":
                raise SignInBrokenError from None
            raise
        return token

    def _session(self, metadata: Metadata) -> OAuth2Session:
        return OAuth2Session(
            self._settings.client_id,
            self._settings.client_secret,
            token_endpoint_auth_method=metadata.client_auth,
            scope=self._settings.scopes,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            leeway=0,  # the access token serves at once, if at all
        )


def _joined(claims: dict[str, Any], userinfo: dict[str, Any]) -> Claims:
    """Add the UserInfo endpoint's claims; they must be about the same person (section 5.3.2)."""
    if userinfo["sub"] != claims["sub"]:
        raise answer_error("another_subject")
    if "email" in userinfo:
        # An address counts as verified only where the same answer says so.
        claims = {name: value for name, value in claims.items() if name != "email_verified"}
    return {**claims, **userinfo}
