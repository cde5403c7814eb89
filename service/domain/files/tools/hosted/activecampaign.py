"""ActiveCampaign: the export of its contacts."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

ACTIVECAMPAIGN = Tool(
    name="activecampaign",
    title="ActiveCampaign",
    signs=(
        frozenset({"email", "status", "date created", "ip"}),
        frozenset({"email", "status", "date created", "ip address"}),
        frozenset({"email", "status", "date subscribed", "date unsubscribed"}),
    ),
    columns={
        "email": "email",
        **dict.fromkeys(("first name", "firstname"), "first_name"),
        **dict.fromkeys(("last name", "lastname"), "last_name"),
        "status": "status",
        **dict.fromkeys(("date created", "date subscribed"), "requested_at"),
        "date unsubscribed": "unsubscribed_at",
        "tags": "tags",
    },
    words={
        "active": Meaning.CONFIRMED,
        "unconfirmed": Meaning.PENDING,
        "unsubscribed": Meaning.UNSUBSCRIBED,
        "bounced": Meaning.BOUNCED,
    },
    left_out=frozenset(
        {"id", "contact id", "phone", "ip", "ip address", "account", "lists", "list", "score"}
    ),
)
