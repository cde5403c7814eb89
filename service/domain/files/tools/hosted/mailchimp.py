"""Mailchimp: the files of an audience's export (subscribed, unsubscribed, cleaned)."""

import re

from service.domain.files.meanings import Meaning
from service.domain.files.tools.tool import Tool

MAILCHIMP = Tool(
    name="mailchimp",
    title="Mailchimp",
    signs=(
        frozenset({"leid", "euid"}),
        frozenset({"optin_time", "confirm_time", "member_rating"}),
        frozenset({"confirm_time", "unsub_time"}),
        frozenset({"confirm_time", "clean_time"}),
    ),
    columns={
        "email address": "email",
        "optin_time": "requested_at",
        "confirm_time": "confirmed_at",
        "confirm_ip": "confirmed_from",
        "unsub_time": "unsubscribed_at",
        "clean_time": "bounced_at",
        "language": "language",
        "tags": "tags",
    },
    words={"": Meaning.CONFIRMED},
    left_out=frozenset(
        {
            "email_type",
            "member_rating",
            "optin_ip",
            "latitude",
            "longitude",
            "gmtoff",
            "dstoff",
            "timezone",
            "cc",
            "region",
            "last_changed",
            "leid",
            "euid",
            "notes",
            "unsub_campaign_title",
            "unsub_campaign_id",
            "unsub_reason",
            "unsub_reason_other",
            "clean_campaign_title",
            "clean_campaign_id",
            # What somebody may be written to about. Whether at all, the file's name says.
            "marketing permissions",
            "erlaubnis zum marketing",
        }
    ),
    address_title=re.compile("mail|correo|courriel|e-?post"),
    names_files=True,
    active_sign="last_changed",
    has_opt_in_times=True,
)
