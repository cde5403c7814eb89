"""The step between a form post of medium risk and its signup: a short wait, or a proof of work.

A page with one button carries the signup along, and a signed token that holds its time and a hash
of what was entered. The button works after a few seconds, without JavaScript; with it the browser
does a proof of work meanwhile (ALTCHA's protocol, version 1), and need not wait.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest

from altcha.v1 import ChallengeOptions, create_challenge, verify_solution

from service.clock import utc_now
from service.domain.errors import LinkForgedError
from service.domain.signup.risk import LEEWAY
from service.tokens import StepTokens

WAIT = timedelta(seconds=5)
LIFE = timedelta(hours=1)
MAX_NUMBER = 50_000
"""The proof takes half as many hashes on average: a second in a phone's browser."""
MAX_PROOF_LENGTH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What the page with the button needs."""

    token: str
    challenge: Mapping[str, object]
    """ALTCHA's: algorithm, challenge, maxNumber, salt, signature."""
    wait_seconds: int


class ExtraStep:
    """Begins steps and tells whether one is done."""

    def __init__(self, tokens: StepTokens) -> None:
        """Take what signs the tokens and the challenges."""
        self._tokens = tokens

    def begin(self, entered: Sequence[str], *, token: str = "") -> Step:
        """Return the step for what was entered; with the `token` of one begun, that one goes on."""
        left = self._left(token, entered)
        if left is None:
            token = self._tokens.issue(_digest(entered), at=utc_now())
            left = WAIT
        options = ChallengeOptions(
            max_number=MAX_NUMBER,
            hmac_key=self._tokens.proof_key(),
            salt=_salt(token),
            expires=utc_now() + LIFE,
        )
        return Step(
            token=token,
            challenge=create_challenge(options).to_dict(),
            wait_seconds=max(1, round(left.total_seconds())),
        )

    def is_done(self, token: str, entered: Sequence[str], *, proof: str) -> bool:
        """Tell whether the token is for what was entered, and the wait over or the proof good."""
        left = self._left(token, entered)
        return left is not None and (left <= timedelta() or self._is_proof(proof, token))

    def _left(self, token: str, entered: Sequence[str]) -> timedelta | None:
        """Return how long is still to wait, or None where the token is none of this step's."""
        try:
            digest, made_at = self._tokens.read(token)
        except LinkForgedError:
            return None
        age = utc_now() - made_at
        if not compare_digest(digest, _digest(entered)) or not -LEEWAY <= age <= LIFE:
            return None
        return WAIT - age

    def _is_proof(self, proof: str, token: str) -> bool:
        if not proof or len(proof) > MAX_PROOF_LENGTH:
            return False
        try:
            payload = json.loads(base64.b64decode(proof))
            is_ours = payload["salt"].partition("?")[0] == _salt(token)
            is_solved, _ = verify_solution(payload, self._tokens.proof_key())
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return False
        return is_ours and is_solved


def _digest(entered: Sequence[str]) -> bytes:
    return sha256(json.dumps(list(entered)).encode()).digest()


def _salt(token: str) -> str:
    """Return what binds a challenge to its token, and so to one signup."""
    return sha256(token.encode()).hexdigest()[:32]
