"""Brevo, formerly Sendinblue: the export of its contacts."""

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

_OPTED_IN = {
    **dict.fromkeys(("yes", "true", "1", ""), Meaning.CONFIRMED),
    **dict.fromkeys(("no", "false", "0", "2"), Meaning.PENDING),
}

BREVO = Tool(
    name="brevo",
    title="Brevo",
    signs=(
        frozenset({"email", "email_blacklisted"}),
        frozenset({"email", "added_time", "modified_time"}),
    ),
    columns={
        "email": "email",
        "firstname": "first_name",
        "lastname": "last_name",
        "email_blacklisted": "status",
        "double_opt-in": "status",
        "opt_in": "status",
        "added_time": "requested_at",
    },
    words={
        **dict.fromkeys(("yes", "true", "1"), Meaning.UNSUBSCRIBED),
        **dict.fromkeys(("no", "false", "0"), Meaning.CONFIRMED),
    },
    column_words={"double_opt-in": _OPTED_IN, "opt_in": _OPTED_IN},
    needs="email_blacklisted",
    left_out=frozenset(
        {"contact id", "sms", "whatsapp", "landline_number", "ext_id", "sms_blacklisted"}
        | {"whatsapp_blacklisted", "modified_time"}
    ),
    day_first=True,
)
