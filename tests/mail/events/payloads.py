"""What each provider sends, after the examples in its documentation, by what it means to us."""

from typing import Any

OURS = "0195539e-2d00-7000-8000-000000000001"
READER = "reader@example.org"
AT = 1772366340
"""2026-03-01 11:59:00 UTC."""


def _sendgrid(event: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "email": READER,
            "timestamp": AT,
            "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
            "event": event,
            "category": ["confirm"],
            "sg_event_id": "bounce-0-dGVzdA",
            "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
            "message_id": OURS,
            **more,
        }
    ]


def _mailgun(event: str, **more: Any) -> dict[str, Any]:
    return {
        "event": event,
        "id": "hTWCTD81RtiDN-...",
        "timestamp": AT + 0.153125,
        "recipient": READER,
        "user-variables": {"message_id": OURS},
        "message": {"headers": {"message-id": "20260301115900.1.DF59@mg.example.org"}},
        **more,
    }


def _mailtrap(event: str, **more: Any) -> dict[str, Any]:
    item = {
        "event": event,
        "timestamp": AT,
        "sending_stream": "transactional",
        "category": "confirm",
        "custom_variables": {"message_id": OURS},
        "message_id": "1df37d17-0286-4d8b-8edf-bc4ec5be86e6",
        "email": READER,
        "event_id": "bede7236-2284-43d6-a953-1fdcafd0fdbc",
        **more,
    }
    return {"events": [item]}


def _resend(event: str, **more: Any) -> dict[str, Any]:
    return {
        "type": event,
        "created_at": "2026-03-01T11:59:00.000Z",
        "data": {
            "created_at": "2026-03-01T11:58:11.894719+00:00",
            "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
            "from": "News <news@example.org>",
            "to": [READER],
            "subject": "Please confirm",
            "tags": {"message_id": OURS, "kind": "confirm"},
            **more,
        },
    }


def _postmark(record: str, **more: Any) -> dict[str, Any]:
    return {
        "RecordType": record,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "MessageStream": "outbound",
        "Tag": "confirm",
        "Metadata": {"message_id": OURS},
        **more,
    }


def _postmark_bounce(kind: str, *, inactive: bool) -> dict[str, Any]:
    return _postmark(
        "Bounce",
        ID=4323372036854775807,
        Type=kind,
        Email=READER,
        BouncedAt="2026-03-01T11:59:00Z",
        Inactive=inactive,
    )


def _suppressed(reason: str) -> dict[str, Any]:
    return _postmark(
        "SubscriptionChange",
        Recipient=READER,
        ChangedAt="2026-03-01T11:59:00Z",
        Origin="Recipient",
        SuppressSending=True,
        SuppressionReason=reason,
    )


def _brevo(event: str, **more: Any) -> dict[str, Any]:
    return {
        "event": event,
        "email": READER,
        "id": 26224,
        "date": "2026-03-01 12:59:00",
        "ts": AT + 3600,
        "ts_event": AT,
        "ts_epoch": AT * 1000,
        "message-id": "<202603011159.12345@smtp-relay.mailin.fr>",
        "X-Mailin-custom": OURS,
        "tags": ["confirm"],
        **more,
    }


def _mailjet(event: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "event": event,
            "time": AT,
            "MessageID": 12345678901234567,
            "Message_GUID": "1ab23cd4-e567-8901-2345-6789f0gh1i2j",
            "email": READER,
            "CustomID": OURS,
            **more,
        }
    ]


def _ses(event: str, place: str, **about: Any) -> dict[str, Any]:
    return {
        "eventType": event,
        "mail": {
            "timestamp": "2026-03-01T11:58:00.000Z",
            "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
            "destination": [READER],
            "tags": {"ses:configuration-set": ["main"], "message_id": [OURS]},
        },
        place: {"timestamp": "2026-03-01T11:59:00.000Z", **about},
    }


def _scaleway(event: str) -> dict[str, Any]:
    return {
        "id": "af5c1aac-cf1b-4d4d-9e46-e6d0cd40b81c",
        "type": event,
        "created_at": "2026-03-01T11:59:00Z",
        "email_id": "d4fbec9d-eed9-44d5-af47-c1126467a5ca",
        "email_to": READER,
        "email_response_code": 550,
    }


NAMES = {
    "sendgrid": "14c5d75ce93",
    "mailgun": "20260301115900.1.DF59@mg.example.org",
    "mailtrap": "1df37d17-0286-4d8b-8edf-bc4ec5be86e6",
    "resend": "56761188-7520-42d8-8898-ff6fc54ce618",
    "postmark": "883953f4-6105-42a2-a16a-77a8eac79483",
    "brevo": "<202603011159.12345@smtp-relay.mailin.fr>",
    "mailjet": "12345678901234567",
    "ses": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "scaleway": "d4fbec9d-eed9-44d5-af47-c1126467a5ca",
}
"""The provider's own name of the mail in these payloads, as the API gave it when it took it."""

MEANINGS: list[tuple[str, Any, str | None]] = [
    ("sendgrid", _sendgrid("delivered", response="250 OK"), "delivered"),
    ("sendgrid", _sendgrid("deferred", response="400 try again", attempt="5"), "deferred"),
    ("sendgrid", _sendgrid("bounce", type="bounce", status="5.0.0"), "hard_bounce"),
    ("sendgrid", _sendgrid("bounce", type="blocked", status="4.7.1"), "soft_bounce"),
    ("sendgrid", _sendgrid("spamreport"), "complaint"),
    ("sendgrid", _sendgrid("group_unsubscribe", asm_group_id=10), "unsubscribed"),
    ("sendgrid", _sendgrid("dropped", reason="Bounced Address"), "hard_bounce"),
    ("sendgrid", _sendgrid("dropped", reason="Spam Content (if Spam Checker app enabled)"), None),
    ("sendgrid", _sendgrid("open"), None),
    ("mailgun", _mailgun("delivered"), "delivered"),
    ("mailgun", _mailgun("failed", severity="temporary", reason="generic"), "deferred"),
    ("mailgun", _mailgun("failed", severity="permanent", reason="bounce"), "hard_bounce"),
    ("mailgun", _mailgun("failed", severity="permanent", reason="suppress-bounce"), "hard_bounce"),
    ("mailgun", _mailgun("failed", severity="permanent", reason="old"), "soft_bounce"),
    ("mailgun", _mailgun("complained"), "complaint"),
    ("mailgun", _mailgun("unsubscribed"), "unsubscribed"),
    ("mailgun", _mailgun("opened"), None),
    ("mailtrap", _mailtrap("delivery"), "delivered"),
    ("mailtrap", _mailtrap("soft bounce", bounce_category="mailbox_full"), "soft_bounce"),
    ("mailtrap", _mailtrap("bounce", bounce_category="badmailbox"), "hard_bounce"),
    ("mailtrap", _mailtrap("spam"), "complaint"),
    ("mailtrap", _mailtrap("unsubscribe"), "unsubscribed"),
    ("mailtrap", _mailtrap("reject", reason="rejected"), None),
    ("resend", _resend("email.delivered"), "delivered"),
    ("resend", _resend("email.delivery_delayed"), "deferred"),
    (
        "resend",
        _resend("email.bounced", bounce={"type": "Permanent", "subType": "General"}),
        "hard_bounce",
    ),
    (
        "resend",
        _resend("email.bounced", bounce={"type": "Transient", "subType": "MailboxFull"}),
        "soft_bounce",
    ),
    ("resend", _resend("email.complained"), "complaint"),
    ("resend", _resend("email.sent"), None),
    (
        "postmark",
        _postmark("Delivery", Recipient=READER, DeliveredAt="2026-03-01T11:59:00Z"),
        "delivered",
    ),
    ("postmark", _postmark_bounce("HardBounce", inactive=True), "hard_bounce"),
    ("postmark", _postmark_bounce("SoftBounce", inactive=False), "soft_bounce"),
    ("postmark", _postmark_bounce("ManuallyDeactivated", inactive=True), "hard_bounce"),
    ("postmark", _postmark_bounce("AutoResponder", inactive=False), None),
    (
        "postmark",
        _postmark_bounce("SpamComplaint", inactive=True) | {"RecordType": "SpamComplaint"},
        "complaint",
    ),
    ("postmark", _suppressed("ManualSuppression"), "unsubscribed"),
    ("postmark", _suppressed("HardBounce"), "hard_bounce"),
    ("postmark", _suppressed("ManualSuppression") | {"SuppressSending": False}, None),
    ("brevo", _brevo("delivered"), "delivered"),
    ("brevo", _brevo("deferred", reason="spam"), "deferred"),
    ("brevo", _brevo("soft_bounce"), "soft_bounce"),
    ("brevo", _brevo("hard_bounce"), "hard_bounce"),
    ("brevo", _brevo("invalid_email"), "hard_bounce"),
    ("brevo", _brevo("spam"), "complaint"),
    ("brevo", _brevo("unsubscribed"), "unsubscribed"),
    ("brevo", _brevo("request"), None),
    ("mailjet", _mailjet("sent"), "delivered"),
    ("mailjet", _mailjet("bounce", hard_bounce=True, error="user unknown"), "hard_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=False, error="quota exceeded"), "soft_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=False, error="greylisted"), "deferred"),
    ("mailjet", _mailjet("blocked", error="preblocked"), "hard_bounce"),
    ("mailjet", _mailjet("blocked", error="content blocked"), "soft_bounce"),
    ("mailjet", _mailjet("spam"), "complaint"),
    ("mailjet", _mailjet("unsub"), "unsubscribed"),
    ("mailjet", _mailjet("click"), None),
    ("ses", _ses("Delivery", "delivery"), "delivered"),
    ("ses", _ses("DeliveryDelay", "deliveryDelay", delayType="MailboxFull"), "deferred"),
    (
        "ses",
        _ses("Bounce", "bounce", bounceType="Permanent", bounceSubType="General"),
        "hard_bounce",
    ),
    ("ses", _ses("Bounce", "bounce", bounceType="Transient"), "soft_bounce"),
    ("ses", _ses("Bounce", "bounce", bounceType="Undetermined"), "soft_bounce"),
    ("ses", _ses("Complaint", "complaint", complaintFeedbackType="abuse"), "complaint"),
    ("ses", _ses("Complaint", "complaint", complaintFeedbackType="not-spam"), None),
    ("ses", _ses("Open", "open"), None),
    ("ses", "Successfully validated SNS topic for Amazon SES event publishing.", None),
    ("scaleway", _scaleway("email_delivered"), "delivered"),
    ("scaleway", _scaleway("email_deferred"), "deferred"),
    ("scaleway", _scaleway("email_dropped"), "hard_bounce"),
    ("scaleway", _scaleway("email_mailbox_not_found"), "hard_bounce"),
    ("scaleway", _scaleway("email_spam"), "soft_bounce"),
    ("scaleway", _scaleway("email_queued"), None),
]

HARD_BOUNCES = {
    name: payload for name, payload, meaning in reversed(MEANINGS) if meaning == "hard_bounce"
}
