"""Buttondown: the export of its subscribers."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

_ADDRESSES = ("email", "email_address")
_TYPES = ("type", "subscriber_type")

BUTTONDOWN = Tool(
    name="buttondown",
    title="Buttondown",
    signs=tuple(
        frozenset({address, type_, "creation_date"}) for address in _ADDRESSES for type_ in _TYPES
    ),
    columns={
        **dict.fromkeys(_ADDRESSES, "email"),
        **dict.fromkeys(_TYPES, "status"),
        "name": "name",
        "metadata": "attributes",
        "tags": "tags",
        "referrer_url": "source",
        "creation_date": "requested_at",
        "unsubscription_date": "unsubscribed_at",
    },
    words={
        **dict.fromkeys(("regular", "premium", "gifted", "trialed", "paid"), Meaning.CONFIRMED),
        # Somebody who pays late, or not any more, is still subscribed.
        **dict.fromkeys(("past_due", "churning", "churned"), Meaning.CONFIRMED),
        **dict.fromkeys(("paused", "unpaid", "upcoming"), Meaning.CONFIRMED),
        "unactivated": Meaning.PENDING,
        **dict.fromkeys(("unsubscribed", "removed", "disabled", "blocked"), Meaning.UNSUBSCRIBED),
        "spammy": Meaning.UNSUBSCRIBED,
        **dict.fromkeys(("undeliverable", "malformed"), Meaning.BOUNCED),
        "complained": Meaning.COMPLAINED,
    },
    left_out=frozenset(
        {
            "id",
            "secondary_id",
            "notes",
            "utm_source",
            "utm_medium",
            "utm_campaign",
            "ip_address",
            "subscription_date",
            "last_click_date",
            "last_open_date",
            "unsubscription_reason",
            "churn_date",
            "source",
            "avatar_url",
        }
    ),
)
