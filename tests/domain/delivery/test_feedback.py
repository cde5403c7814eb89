"""The rule of what follows from a provider's event."""

import pytest

from service.domain.delivery.feedback import SOFT_BOUNCE_LIMIT, Consequence, EventKind, consequence
from service.domain.subscription import EndedReason, SuppressionReason

HARD = Consequence(SuppressionReason.HARD_BOUNCE, EndedReason.HARD_BOUNCE)
NOTHING = Consequence()


@pytest.mark.parametrize(
    ("kind", "soft_bounces", "follows"),
    [
        (EventKind.DELIVERED, 0, NOTHING),
        (EventKind.DELIVERED, 99, NOTHING),
        (EventKind.DEFERRED, 99, NOTHING),
        (EventKind.BLOCKED, 99, NOTHING),
        (EventKind.NOT_UNDERSTOOD, 99, NOTHING),
        (EventKind.HARD_BOUNCE, 0, HARD),
        (EventKind.COMPLAINT, 0, Consequence(SuppressionReason.COMPLAINT, EndedReason.COMPLAINT)),
        (EventKind.UNSUBSCRIBED, 0, Consequence(end=EndedReason.PROVIDER_UNSUBSCRIBE)),
        (EventKind.SOFT_BOUNCE, 1, NOTHING),
        (EventKind.SOFT_BOUNCE, SOFT_BOUNCE_LIMIT - 1, NOTHING),
        (EventKind.SOFT_BOUNCE, SOFT_BOUNCE_LIMIT, HARD),
        (EventKind.SOFT_BOUNCE, SOFT_BOUNCE_LIMIT + 1, HARD),
    ],
)
def test_what_follows(kind, soft_bounces, follows):
    assert consequence(kind, soft_bounces=soft_bounces) == follows
