"""A small identity provider on loopback that signs what a test wants it to."""

import hmac
import json
import time
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

CLIENT_ID, CLIENT_SECRET = "newsflash", "a-client-secret-for-tests-only"
ADA = "ada@example.org"


@cache
def rsa_key(name: str, *, called: str | None = None) -> RSAKey:
    """Return the key of this name, which may call itself something else."""
    return RSAKey.generate_key(2048, {"kid": called or name, "use": "sig"}, private=True)


@dataclass(slots=True)
class Issuer:
    """What it says can be changed before each call."""

    server: HTTPServer
    claims: dict[str, Any] = field(
        default_factory=lambda: {"sub": "ada-1", "email": ADA, "email_verified": True}
    )
    """Of the person who signs in, in the ID token; None takes a standard claim out."""
    userinfo: dict[str, Any] | None = None
    signs_with: RSAKey | bytes = field(default_factory=lambda: rsa_key("now"))
    """Bytes are a secret for HS256; none at all leave the token unsigned."""
    published: list[RSAKey] = field(default_factory=lambda: [rsa_key("now")])
    metadata: dict[str, Any] = field(default_factory=dict)
    """What its metadata says otherwise."""
    calls: list[str] = field(default_factory=list)
    token_body: bytes | None = None
    status: dict[str, int] = field(default_factory=dict)
    """Status of each path's answer, where it is not 200."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server.port}"

    @property
    def netloc(self) -> str:
        return f"localhost:{self.server.port}"

    def sign_in(self, address: str) -> dict[str, str]:
        """Do as a person who signs in at the address: return the answer's parameters."""
        parts = urlsplit(address)
        assert address.startswith(f"{self.url}/authorize?")
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.url}

    def answer(self, request: Request) -> Response:
        path = request.path
        self.calls.append(path)
        status = self.status.get(path, 200)
        if status != 200:
            return Response("no", status)
        if path == "/.well-known/openid-configuration":
            return _json(
                {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/authorize",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/jwks",
                    **({"userinfo_endpoint": f"{self.url}/me"} if self.userinfo else {}),
                    **self.metadata,
                }
            )
        if path == "/jwks":
            return _json({"keys": [key.as_dict(private=False) for key in self.published]})
        if path == "/me":
            assert request.headers["Authorization"] == "Bearer an-access-token"
            return _json(self.userinfo)
        assert path == "/token"
        return self._token(request)

    def _token(self, request: Request) -> Response:
        given = b64decode(request.headers["Authorization"].partition(" ")[2]).decode()
        assert unquote(given) == f"{CLIENT_ID}:{CLIENT_SECRET}"
        asked = self._codes.pop(request.form["code"], None)
        digest = sha256(request.form["code_verifier"].encode()).digest()
        challenge = _base64(digest)
        if asked is None or asked["code_challenge"] != challenge:
            return _json({"error": "invalid_grant"}, 400)
        assert request.form["redirect_uri"] == asked["redirect_uri"]
        if self.token_body is not None:
            return Response(self.token_body, mimetype="application/json")
        token = {"access_token": "an-access-token", "token_type": "Bearer", "expires_in": 60}
        return _json({**token, "id_token": self._id_token(asked["nonce"])})

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.claims,
        }
        given = {name: value for name, value in claims.items() if value is not None}
        if isinstance(self.signs_with, RSAKey):
            header = {"alg": "RS256", "kid": "now"}
            return jwt.encode(header, given, self.signs_with, algorithms=["RS256"])
        # What no library would sign: by a secret, or by nobody.
        header = {"alg": "HS256" if self.signs_with else "none", "kid": "now"}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, given))
        mac = hmac.digest(self.signs_with, signed.encode(), sha256) if self.signs_with else b""
        return f"{signed}.{_base64(mac)}"

    def serve(self) -> None:
        self.server.clear()
        for path in ("/.well-known/openid-configuration", "/jwks", "/token", "/me"):
            self.server.expect_request(path).respond_with_handler(self.answer)


def _json(content: object, status: int = 200) -> Response:
    return Response(json.dumps(content), status, mimetype="application/json")


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
