"""Ghost: the export of its members."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

GHOST = Tool(
    name="ghost",
    title="Ghost",
    signs=(frozenset({"email", "subscribed_to_emails", "complimentary_plan"}),),
    columns={
        "email": "email",
        "name": "name",
        "subscribed_to_emails": "status",
        "created_at": "requested_at",
        "deleted_at": "unsubscribed_at",
        "labels": "tags",
    },
    words={"true": Meaning.CONFIRMED, "false": Meaning.UNSUBSCRIBED},
    left_out=frozenset(
        {
            "id",
            "note",
            "complimentary_plan",
            "stripe_customer_id",
            "products",
            "tiers",
            "newsletters",
            "error",
        }
    ),
)
