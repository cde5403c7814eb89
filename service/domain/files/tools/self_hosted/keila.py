"""Keila: the export of its contacts."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

KEILA = Tool(
    name="keila",
    title="Keila",
    signs=(frozenset({"email", "first name", "last name", "data", "status"}),),
    columns={
        "email": "email",
        "first name": "first_name",
        "last name": "last_name",
        "data": "attributes",
        "status": "status",
    },
    words={
        "active": Meaning.CONFIRMED,
        "unsubscribed": Meaning.UNSUBSCRIBED,
        "unreachable": Meaning.BOUNCED,
    },
    left_out=frozenset({"external id"}),
)
