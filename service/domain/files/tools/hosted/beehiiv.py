"""beehiiv: the export of its subscribers."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

BEEHIIV = Tool(
    name="beehiiv",
    title="beehiiv",
    signs=(
        frozenset({"email", "status", "tier", "unsubscribed_at"}),
        frozenset({"email", "status", "tier", "stripe_customer_id"}),
    ),
    columns={
        "email": "email",
        "first name": "first_name",
        "last name": "last_name",
        "status": "status",
        "created_at": "requested_at",
        "unsubscribed_at": "unsubscribed_at",
        "tags": "tags",
    },
    words={
        "active": Meaning.CONFIRMED,
        "inactive": Meaning.UNSUBSCRIBED,
        **dict.fromkeys(("pending", "validating", "needs_attention"), Meaning.PENDING),
        "invalid": Meaning.BOUNCED,
    },
    left_out=frozenset(
        {"id", "tier", "stripe_customer_id", "acquisition_source", "referring_site"}
        | {"utm_source", "utm_medium", "utm_campaign", "utm_channel", "referral_code"}
        | {"subscription date (substack)"}
    ),
)
