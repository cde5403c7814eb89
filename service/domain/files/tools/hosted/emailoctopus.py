"""EmailOctopus: the export of a list."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

EMAILOCTOPUS = Tool(
    name="emailoctopus",
    title="EmailOctopus",
    signs=(
        frozenset({"email_address", "status", "last_updated_at"}),
        frozenset({"emailaddress", "firstname", "lastname", "status"}),
    ),
    columns={
        **dict.fromkeys(("email address", "email_address", "emailaddress"), "email"),
        **dict.fromkeys(("first name", "first_name", "firstname"), "first_name"),
        **dict.fromkeys(("last name", "last_name", "lastname"), "last_name"),
        "status": "status",
        **dict.fromkeys(("subscribed at", "created_at", "created at"), "requested_at"),
        "unsubscribed at": "unsubscribed_at",
        "tags": "tags",
    },
    words={
        "subscribed": Meaning.CONFIRMED,
        "pending": Meaning.PENDING,
        "unsubscribed": Meaning.UNSUBSCRIBED,
        "bounced": Meaning.BOUNCED,
        "complained": Meaning.COMPLAINED,
    },
    left_out=frozenset({"id", "last_updated_at", "last updated at"}),
)
