"""Kit, formerly ConvertKit: the export of its subscribers."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

KIT = Tool(
    name="kit",
    title="Kit",
    signs=(
        frozenset({"first_name", "email_address", "state", "created_at"}),
        frozenset({"first name", "email address", "state", "created at"}),
    ),
    whole=(
        frozenset({"first_name", "email", "created_at", "status"}),
        frozenset({"first_name", "email", "created_at", "status", "tags"}),
    ),
    columns={
        **dict.fromkeys(("email", "email_address", "email address"), "email"),
        **dict.fromkeys(("first_name", "first name"), "first_name"),
        **dict.fromkeys(("state", "status"), "status"),
        **dict.fromkeys(("created_at", "created at"), "requested_at"),
        "tags": "tags",
    },
    words={
        **dict.fromkeys(("active", "confirmed"), Meaning.CONFIRMED),
        # Kit does not email them either: not confirmed, or nothing opened for long.
        **dict.fromkeys(("inactive", "unconfirmed", "cold"), Meaning.PENDING),
        **dict.fromkeys(("cancelled", "canceled", "unsubscribed"), Meaning.UNSUBSCRIBED),
        "bounced": Meaning.BOUNCED,
        "complained": Meaning.COMPLAINED,
    },
    left_out=frozenset(
        {"id", "referrer", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"}
        | {"source_type", "source_name", "source_mechanism"}
    ),
)
