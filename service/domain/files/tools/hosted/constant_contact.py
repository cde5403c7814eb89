"""Constant Contact: the export of its contacts."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

_PLACES = ("home", "work", "other", "mobile", "fax")
_ADDRESS = ("street address line 1", "street address line 2", "city", "state/province", "country")

CONSTANT_CONTACT = Tool(
    name="constant_contact",
    title="Constant Contact",
    signs=(
        frozenset({"email address", "email status", "email permission status"}),
        frozenset({"email address", "email status", "email lists"}),
        frozenset({"email address", "email status", "confirmed opt-out date"}),
    ),
    columns={
        "email address": "email",
        "first name": "first_name",
        "last name": "last_name",
        "email status": "status",
        "confirmed opt-out date": "unsubscribed_at",
        "tags": "tags",
        "created at": "requested_at",
    },
    words={
        "active": Meaning.CONFIRMED,
        # Nobody who has not given a permission is emailed, nor who has not confirmed one.
        **dict.fromkeys(("awaiting confirmation", "pending confirmation"), Meaning.PENDING),
        **dict.fromkeys(("no permissions set", "no permission set", ""), Meaning.PENDING),
        **dict.fromkeys(("temp hold", "temporary hold"), Meaning.PENDING),
        **dict.fromkeys(("unsubscribed", "opted out", "removed"), Meaning.UNSUBSCRIBED),
        "bounced": Meaning.BOUNCED,
    },
    left_out=frozenset(
        {
            "email permission status",
            "email update source",
            "confirmed opt-out source",
            "confirmed opt-out reason",
            "email lists",
            "source name",
            "updated at",
            "company",
            "job title",
            "salutation",
            "birthday",
            "anniversary",
            "website",
            *(f"phone - {place}" for place in _PLACES),
            *(
                f"{part} - {place}"
                for part in (*_ADDRESS, "zip/postal code")
                for place in ("home", "work", "other")
            ),
        }
    ),
    day_first=False,
)
