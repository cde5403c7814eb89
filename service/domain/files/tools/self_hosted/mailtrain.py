"""Mailtrain: the export of a list."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

MAILTRAIN = Tool(
    name="mailtrain",
    title="Mailtrain",
    signs=(frozenset({"cid", "status", "hash_email", "email"}),),
    columns={
        "email": "email",
        "status": "status",
        "merge_first_name": "first_name",
        "merge_last_name": "last_name",
    },
    words={
        "subscribed": Meaning.CONFIRMED,
        "unsubscribed": Meaning.UNSUBSCRIBED,
        "bounced": Meaning.BOUNCED,
        "complained": Meaning.COMPLAINED,
    },
    left_out=frozenset({"cid", "hash_email"}),
)
