"""How likely a signup is a bot's: a pure rule over what a request shows of itself.

Nothing here depends on what the database holds. No signal but the trap decides alone, and what
plain forms and scripts lack by nature (a form token, a browser's name) never adds up to more than
low: these are users too.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MEDIUM_FROM = 40
HIGH_FROM = 80

FASTEST_FORM = timedelta(seconds=2)
"""Nobody reads a form and fills it in within less."""
FORM_LIFE = timedelta(hours=24)
"""A form older than this counts like one without a token: it may have stood open, or been kept."""
LEEWAY = timedelta(minutes=5)
"""How far apart the clocks of two of our machines may be."""


class FormToken(StrEnum):
    """What the signed time in a form says."""

    NOT_ASKED = "not_asked"
    """JSON has no form."""
    GOOD = "good"
    MISSING = "missing"
    """A form of the site's own, or one that stood open for a day."""
    TOO_FAST = "too_fast"
    FORGED = "forged"


class Level(StrEnum):
    """What follows from a score."""

    LOW = "low"
    """Taken."""
    MEDIUM = "medium"
    """A form post is led to one more step; anything else is taken."""
    HIGH = "high"
    """Answered as if it were taken, and held for a person to look at."""


class Reason(StrEnum):
    """One thing that speaks against a request."""

    TRAP = "trap"
    PACE = "pace"
    NETWORK = "network"
    DISPOSABLE = "disposable_domain"
    FORM_MISSING = "form_token_missing"
    FORM_TOO_FAST = "form_too_fast"
    FORM_FORGED = "form_token_forged"
    USER_AGENT = "user_agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What a request shows. Shares are of the request limits: 1 is as many as are allowed."""

    is_trapped: bool = False
    """The field that people never see was filled in."""
    client_share: float = 0.0
    network_share: float = 0.0
    is_disposable: bool = False
    """The recipient's domain gives out addresses to throw away."""
    form_token: FormToken = FormToken.NOT_ASKED
    is_browser: bool = True
    """The user agent calls itself a browser, or need not (JSON)."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A score, and what made it."""

    score: int
    reasons: tuple[Reason, ...]

    @property
    def level(self) -> Level:
        """What follows from the score."""
        if self.score >= HIGH_FROM:
            return Level.HIGH
        return Level.MEDIUM if self.score >= MEDIUM_FROM else Level.LOW


NO_RISK = Risk(0, ())
TRAPPED = Risk(100, (Reason.TRAP,))


def assess(signals: Signals) -> Risk:
    """Return the risk of a request."""
    if signals.is_trapped:
        return TRAPPED
    points: dict[Reason, int] = {
        Reason.PACE: _pace_points(signals.client_share),
        Reason.NETWORK: 15 if signals.network_share >= 0.5 else 0,
        Reason.DISPOSABLE: 40 if signals.is_disposable else 0,
        Reason.FORM_MISSING: 15 if signals.form_token is FormToken.MISSING else 0,
        Reason.FORM_TOO_FAST: 20 if signals.form_token is FormToken.TOO_FAST else 0,
        Reason.FORM_FORGED: 50 if signals.form_token is FormToken.FORGED else 0,
        Reason.USER_AGENT: 0 if signals.is_browser else 15,
    }
    return Risk(sum(points.values()), tuple(reason for reason in points if points[reason]))


def _pace_points(share: float) -> int:
    """Many people share an address (an office, a hall, a village): a step at most, by itself."""
    if share >= 0.8:
        return 40
    return 20 if share >= 0.5 else 0


def age_verdict(made_at: datetime, now: datetime) -> FormToken:
    """Return what the age of a genuine form token says."""
    age = now - made_at
    if age < -LEEWAY:
        return FormToken.FORGED
    if age < FASTEST_FORM:
        return FormToken.TOO_FAST
    return FormToken.MISSING if age > FORM_LIFE else FormToken.GOOD
