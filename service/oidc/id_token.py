"""The ID token: who signed in, by the provider's signature (OpenID Connect Core 1.0, 3.1.3.7)."""

from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from service.domain.access.admission import MAX_NAME_LENGTH

LEEWAY_SECONDS = 60
"""How far the provider's clock may be from ours."""
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""Signatures by a key that only the provider has: never `none`, and none by a shared secret."""


def read_id_token(
    token: Mapping[str, Any], jwks: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str
) -> dict[str, Any]:
    """Return the claims of the ID token in a token response, checked: signature, issuer, audience,
    times, nonce, and the hash of the access token where it has one.

    Raises `JoseError`, or `LookupError`, `TypeError` or `ValueError` where the answer has not the
    form that it should have.
    """
    keys = [
        key
        for key in jwks["keys"]
        if key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"
    ]
    read = jwt.decode(
        token["id_token"],
        KeySet.import_key_set({"keys": keys}),
        registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False),
    )
    claims = CodeIDToken(
        read.claims,
        read.header,
        options={
            "iss": {"essential": True, "value": issuer},
            "aud": {"essential": True, "value": client_id},
        },
        params={
            "nonce": nonce,
            "client_id": client_id,
            "access_token": token.get("access_token"),
        },
    )
    claims.validate(leeway=LEEWAY_SECONDS)
    subject = claims["sub"]
    is_usable = isinstance(subject, str) and subject.isprintable()
    if not is_usable or not 0 < len(subject) <= MAX_NAME_LENGTH:
        raise ValueError("subject")
    return dict(claims)
