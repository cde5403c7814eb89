"""Substack: the email list of an export, and the list of paying subscribers in it."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

SUBSTACK = Tool(
    name="substack",
    title="Substack",
    signs=(
        frozenset({"email", "active_subscription", "email_disabled"}),
        frozenset({"email", "prefer_digests", "email_disabled"}),
    ),
    columns={
        "email": "email",
        "name": "name",
        "email_disabled": "status",
        "created_at": "requested_at",
    },
    words={"true": Meaning.UNSUBSCRIBED, "false": Meaning.CONFIRMED},
    # Who has stopped paying may still read what is free.
    left_out=frozenset(
        {
            "active_subscription",
            "expiry",
            "plan",
            "prefer_digests",
            "first_payment_at",
            "stripe_connected_customer_id",
            "type",
        }
    ),
)
