"""listmonk: `/api/subscribers/export`."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

LISTMONK = Tool(
    name="listmonk",
    title="listmonk",
    signs=(frozenset({"uuid", "email", "attributes", "status"}),),
    columns={
        "email": "email",
        "name": "name",
        "attributes": "attributes",
        "status": "status",
        "created_at": "requested_at",
    },
    words={
        "enabled": Meaning.CONFIRMED,
        "disabled": Meaning.UNSUBSCRIBED,
        "blocklisted": Meaning.UNSUBSCRIBED,
        # The words of one list are in no export; somebody may have written them in.
        "confirmed": Meaning.CONFIRMED,
        "unconfirmed": Meaning.PENDING,
        "unsubscribed": Meaning.UNSUBSCRIBED,
    },
    left_out=frozenset({"uuid", "updated_at"}),
)
