"""MailPoet: the export of its subscribers from WordPress."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

_WORDS = {
    "subscribed": Meaning.CONFIRMED,
    # Inactive ones opened nothing for long, so that MailPoet does not email them either.
    **dict.fromkeys(("unconfirmed", "inactive"), Meaning.PENDING),
    "unsubscribed": Meaning.UNSUBSCRIBED,
    "bounced": Meaning.BOUNCED,
}

MAILPOET = Tool(
    name="mailpoet",
    title="MailPoet",
    signs=(frozenset({"email", "global status", "list"}),),
    columns={
        "email": "email",
        "first name": "first_name",
        "last name": "last_name",
        "list status": "status",
        "global status": "status",
        "subscription time": "requested_at",
    },
    words=_WORDS,
    # Empty: on no list.
    column_words={"list status": {**_WORDS, "": Meaning.PENDING}},
    # A confirmation is none of evidence: buying something in a shop writes one, too.
    left_out=frozenset({"subscription ip", "confirmation time", "confirmation ip", "list"}),
)
