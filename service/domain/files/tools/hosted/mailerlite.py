"""MailerLite: the export of its subscribers."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

MAILERLITE = Tool(
    name="mailerlite",
    title="MailerLite",
    signs=(
        frozenset({"email", "status", "optin_ip"}),
        frozenset({"email", "status", "opted_in_at"}),
        frozenset({"subscriber", "sent", "opens", "clicks", "subscribed"}),
        frozenset({"email", "sent", "opens", "clicks", "subscribed"}),
    ),
    columns={
        **dict.fromkeys(("email", "subscriber"), "email"),
        "name": "first_name",
        **dict.fromkeys(("last_name", "last name"), "last_name"),
        "status": "status",
        **dict.fromkeys(("subscribed_at", "subscribed"), "requested_at"),
        **dict.fromkeys(("unsubscribed_at", "unsubscribed"), "unsubscribed_at"),
        "language": "language",
    },
    # Without a status the file of those who left looks like that of the others: nobody is emailed.
    words={
        "active": Meaning.CONFIRMED,
        "unconfirmed": Meaning.PENDING,
        "unsubscribed": Meaning.UNSUBSCRIBED,
        "bounced": Meaning.BOUNCED,
        "junk": Meaning.COMPLAINED,
    },
    left_out=frozenset(
        {"id", "source", "sent", "opens", "clicks", "opens_count", "clicks_count", "open_rate"}
        | {"click_rate", "ip_address", "optin_ip", "opted_in_at", "created_at", "updated_at"}
        | {"forget_at", "deleted_at", "location", "company", "country", "city", "phone", "state"}
        | {"z_i_p", "zip", "groups"}
    ),
)
