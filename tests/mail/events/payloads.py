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


def _scaleway(event: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "af5c1aac-cf1b-4d4d-9e46-e6d0cd40b81c",
        "type": event,
        "created_at": "2026-03-01T11:59:00Z",
        "email_id": "d4fbec9d-eed9-44d5-af47-c1126467a5ca",
        "email_to": READER,
        "email_response_code": 550,
        **more,
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


def _failed(reason: str | None, code: int, enhanced: str, message: str = "") -> dict[str, Any]:
    status = {"code": code, "enhanced-code": enhanced, "message": message, "attempt-no": 1}
    more = {} if reason is None else {"reason": reason}
    return _mailgun("failed", severity="permanent", **{"delivery-status": status}, **more)


def _sendgrid_bounce(status: str, class_: str | None = None, **more: Any) -> list[dict[str, Any]]:
    given = {} if class_ is None else {"bounce_classification": class_}
    return _sendgrid("bounce", status=status, **{"type": "bounce", **given, **more})


def _resend_bounce(type_: str, subtype: str, *codes: str) -> dict[str, Any]:
    bounce = {"type": type_, "subType": subtype, "diagnosticCode": list(codes), "message": "…"}
    return _resend("email.bounced", bounce=bounce)


def _resend_suppressed(**suppressed: str) -> dict[str, Any]:
    return _resend("email.suppressed", suppressed=suppressed)


def _ses_bounce(type_: str, subtype: str, status: str = "", said: str = "") -> dict[str, Any]:
    recipient = {"emailAddress": READER, "action": "failed"}
    if status:
        recipient |= {"status": status, "diagnosticCode": f"smtp; {said}"}
    return _ses(
        "Bounce",
        "bounce",
        bounceType=type_,
        bounceSubType=subtype,
        bouncedRecipients=[recipient],
    )


def _ses_complaint(type_: str | None, **more: Any) -> dict[str, Any]:
    given = {} if type_ is None else {"complaintFeedbackType": type_}
    return _ses("Complaint", "complaint", **given, **more)


NO_SUCH_USER = "550 5.1.1 The email account that you tried to reach does not exist"
FULL = "552 5.2.2 The email account that you tried to reach is over quota"
POLICY = "550 5.7.26 This mail has been blocked because the sender is unauthenticated"

MEANINGS: list[tuple[str, Any, str | None]] = [
    # SendGrid
    ("sendgrid", _sendgrid("delivered", response="250 OK"), "delivered"),
    ("sendgrid", _sendgrid("deferred", response="400 try again", attempt="5"), "deferred"),
    ("sendgrid", _sendgrid_bounce("5.1.1", "Invalid Address"), "hard_bounce"),
    ("sendgrid", _sendgrid_bounce("5.0.0", "Invalid Address"), "hard_bounce"),
    ("sendgrid", _sendgrid_bounce("5.1.1"), "hard_bounce"),
    ("sendgrid", _sendgrid_bounce("5.0.0", reason=NO_SUCH_USER), "hard_bounce"),
    ("sendgrid", _sendgrid_bounce("5.0.0"), "soft_bounce"),
    ("sendgrid", _sendgrid_bounce("5.0.0", "Unclassified"), "soft_bounce"),
    ("sendgrid", _sendgrid_bounce("5.2.2", "Mailbox Unavailable"), "soft_bounce"),
    ("sendgrid", _sendgrid_bounce("5.2.2", "Invalid Address"), "soft_bounce"),
    ("sendgrid", _sendgrid_bounce("5.0.0", "Technical Failure"), "soft_bounce"),
    ("sendgrid", _sendgrid_bounce("5.7.1"), "blocked"),
    ("sendgrid", _sendgrid_bounce("5.0.0", "Content"), "blocked"),
    ("sendgrid", _sendgrid_bounce("5.0.0", "Reputation"), "blocked"),
    ("sendgrid", _sendgrid_bounce("5.0.0", "Frequency or Volume Too High"), "blocked"),
    ("sendgrid", _sendgrid("bounce", type="blocked", status="4.7.1"), "blocked"),
    ("sendgrid", _sendgrid("bounce", type="blocked", status="5.1.1"), "blocked"),
    ("sendgrid", _sendgrid("bounce", type="expired", status="4.4.7"), "soft_bounce"),
    ("sendgrid", _sendgrid("bounce", type="of a new kind"), "soft_bounce"),
    ("sendgrid", _sendgrid("bounce"), "soft_bounce"),
    ("sendgrid", _sendgrid("spamreport"), "complaint"),
    ("sendgrid", _sendgrid("unsubscribe"), "unsubscribed"),
    ("sendgrid", _sendgrid("group_unsubscribe", asm_group_id=10), "unsubscribed"),
    ("sendgrid", _sendgrid("dropped", reason="Invalid"), "hard_bounce"),
    ("sendgrid", _sendgrid("dropped", reason="Bounced Address"), "soft_bounce"),
    ("sendgrid", _sendgrid("dropped", reason="Spam Reporting Address"), "complaint"),
    ("sendgrid", _sendgrid("dropped", reason="Unsubscribed Address"), "unsubscribed"),
    ("sendgrid", _sendgrid("dropped", reason="Spam Content (if enabled)"), "blocked"),
    ("sendgrid", _sendgrid("dropped", reason="Recipient List over Package Quota"), "blocked"),
    ("sendgrid", _sendgrid("dropped", reason="For a new reason"), "not_understood"),
    ("sendgrid", _sendgrid("dropped"), "not_understood"),
    ("sendgrid", _sendgrid("teleported"), "not_understood"),
    ("sendgrid", _sendgrid("open"), None),
    ("sendgrid", _sendgrid("processed"), None),
    ("sendgrid", _sendgrid("group_resubscribe"), None),
    # Mailgun
    ("mailgun", _mailgun("delivered"), "delivered"),
    ("mailgun", _mailgun("failed", severity="temporary", reason="generic"), "deferred"),
    ("mailgun", _failed("bounce", 550, "5.1.1", "No such user"), "hard_bounce"),
    ("mailgun", _mailgun("failed", severity="permanent", reason="bounce"), "hard_bounce"),
    ("mailgun", _failed("generic", 550, "5.1.1"), "hard_bounce"),
    ("mailgun", _failed(None, 550, "", NO_SUCH_USER), "hard_bounce"),
    ("mailgun", _failed("suppress-bounce", 605, ""), "hard_bounce"),
    ("mailgun", _failed("bounce", 552, "5.2.2", "Mailbox full"), "soft_bounce"),
    ("mailgun", _failed("bounce", 552, "", FULL), "soft_bounce"),
    ("mailgun", _failed("bounce", 552, "", "Mailbox full"), "soft_bounce"),
    ("mailgun", _failed("generic", 550, ""), "soft_bounce"),
    ("mailgun", _failed("generic", 498, "", "No MX for example.org"), "soft_bounce"),
    ("mailgun", _failed("generic", 550, "5.2.2"), "soft_bounce"),
    ("mailgun", _failed(None, 550, ""), "soft_bounce"),
    ("mailgun", _mailgun("failed", severity="permanent"), "soft_bounce"),
    ("mailgun", _mailgun("failed"), "soft_bounce"),
    ("mailgun", _failed("of a new kind", 0, ""), "soft_bounce"),
    ("mailgun", _failed("old", 602, "", "Too old"), "soft_bounce"),
    ("mailgun", _failed("bounce", 550, "5.7.26"), "blocked"),
    ("mailgun", _failed("bounce", 550, "", POLICY), "blocked"),
    ("mailgun", _failed("espblock", 550, "5.1.1"), "blocked"),
    ("mailgun", _failed("greylisted", 450, "4.7.1"), "blocked"),
    ("mailgun", _failed("suppress-complaint", 607, ""), "complaint"),
    ("mailgun", _failed("suppress-unsubscribe", 606, ""), "unsubscribed"),
    ("mailgun", _mailgun("rejected"), "blocked"),
    ("mailgun", _mailgun("complained"), "complaint"),
    ("mailgun", _mailgun("unsubscribed"), "unsubscribed"),
    ("mailgun", _mailgun("teleported"), "not_understood"),
    ("mailgun", _mailgun("opened"), None),
    ("mailgun", _mailgun("accepted"), None),
    # Mailtrap
    ("mailtrap", _mailtrap("delivery"), "delivered"),
    ("mailtrap", _mailtrap("soft bounce", bounce_category="mailbox_full"), "deferred"),
    ("mailtrap", _mailtrap("soft_bounce"), "deferred"),
    ("mailtrap", _mailtrap("suspension", reason="domain not verified"), "deferred"),
    ("mailtrap", _mailtrap("bounce", bounce_category="badmailbox"), "hard_bounce"),
    ("mailtrap", _mailtrap("bounce", bounce_category="bad_mailbox"), "hard_bounce"),
    ("mailtrap", _mailtrap("bounce", response=f"bounced ({NO_SUCH_USER})"), "hard_bounce"),
    ("mailtrap", _mailtrap("bounce", bounce_category="mailboxfull"), "soft_bounce"),
    ("mailtrap", _mailtrap("bounce", bounce_category="generalfail"), "soft_bounce"),
    ("mailtrap", _mailtrap("bounce"), "soft_bounce"),
    (
        "mailtrap",
        _mailtrap("bounce", bounce_category="badmailbox", response=f"bounced ({FULL})"),
        "soft_bounce",
    ),
    ("mailtrap", _mailtrap("bounce", bounce_category="spam-related"), "blocked"),
    ("mailtrap", _mailtrap("bounce", bounce_category="badsender"), "blocked"),
    ("mailtrap", _mailtrap("reject", reason="rejected"), "blocked"),
    ("mailtrap", _mailtrap("spam"), "complaint"),
    ("mailtrap", _mailtrap("spam_complaint"), "complaint"),
    ("mailtrap", _mailtrap("Spam complaint"), "complaint"),
    ("mailtrap", _mailtrap("unsubscribe"), "unsubscribed"),
    ("mailtrap", _mailtrap("teleportation"), "not_understood"),
    ("mailtrap", _mailtrap("open"), None),
    ("mailtrap", _mailtrap("activity_log.user.updated"), None),
    # Resend
    ("resend", _resend("email.delivered"), "delivered"),
    ("resend", _resend("email.delivery_delayed"), "deferred"),
    ("resend", _resend_bounce("Permanent", "General"), "hard_bounce"),
    ("resend", _resend_bounce("Permanent", "NoEmail", f"smtp; {NO_SUCH_USER}"), "hard_bounce"),
    ("resend", _resend_bounce("Permanent", "Suppressed"), "hard_bounce"),
    ("resend", _resend_bounce("Permanent", "General", f"smtp; {FULL}"), "soft_bounce"),
    ("resend", _resend_bounce("Permanent", "OfANewKind"), "soft_bounce"),
    ("resend", _resend_bounce("Transient", "MailboxFull"), "soft_bounce"),
    ("resend", _resend_bounce("Transient", "General", f"smtp; {NO_SUCH_USER}"), "soft_bounce"),
    ("resend", _resend_bounce("Undetermined", "Undetermined"), "soft_bounce"),
    ("resend", _resend_bounce("Permanent", "General", f"smtp; {POLICY}"), "blocked"),
    ("resend", _resend_bounce("Transient", "ContentRejected"), "blocked"),
    ("resend", _resend("email.bounced"), "soft_bounce"),
    ("resend", _resend("email.complained"), "complaint"),
    ("resend", _resend_suppressed(type="previous_complaint"), "complaint"),
    ("resend", _resend_suppressed(reason="complaint"), "complaint"),
    ("resend", _resend("email.suppressed", reason="previous_complaint"), "complaint"),
    ("resend", _resend_suppressed(type="previous_bounce"), "hard_bounce"),
    ("resend", _resend_suppressed(type="OnAccountSuppressionList"), "soft_bounce"),
    ("resend", _resend_suppressed(type="manual"), "soft_bounce"),
    ("resend", _resend("email.suppressed"), "soft_bounce"),
    ("resend", _resend("email.failed", failed={"reason": "reached_daily_quota"}), "blocked"),
    ("resend", _resend("email.teleported"), "not_understood"),
    ("resend", _resend("email.sent"), None),
    ("resend", _resend("contact.updated"), None),
    ("resend", _resend("suppression.added"), None),
    # Postmark
    (
        "postmark",
        _postmark("Delivery", Recipient=READER, DeliveredAt="2026-03-01T11:59:00Z"),
        "delivered",
    ),
    ("postmark", _postmark_bounce("HardBounce", inactive=True), "hard_bounce"),
    ("postmark", _postmark_bounce("BadEmailAddress", inactive=True), "hard_bounce"),
    (
        "postmark",
        _postmark_bounce("HardBounce", inactive=True) | {"Details": f"smtp;{FULL}"},
        "soft_bounce",
    ),
    (
        "postmark",
        _postmark_bounce("HardBounce", inactive=True) | {"Details": f"smtp;{POLICY}"},
        "blocked",
    ),
    ("postmark", _postmark_bounce("SoftBounce", inactive=False), "soft_bounce"),
    ("postmark", _postmark_bounce("SoftBounce", inactive=True), "soft_bounce"),
    ("postmark", _postmark_bounce("DnsError", inactive=False), "soft_bounce"),
    ("postmark", _postmark_bounce("Transient", inactive=False), "deferred"),
    ("postmark", _postmark_bounce("Blocked", inactive=False), "blocked"),
    ("postmark", _postmark_bounce("SpamNotification", inactive=True), "blocked"),
    ("postmark", _postmark_bounce("ManuallyDeactivated", inactive=True), "blocked"),
    ("postmark", _postmark_bounce("Unsubscribe", inactive=True), "unsubscribed"),
    ("postmark", _postmark_bounce("SpamComplaint", inactive=True), "complaint"),
    ("postmark", _postmark_bounce("Unknown", inactive=True), "not_understood"),
    ("postmark", _postmark_bounce("OfANewKind", inactive=True), "not_understood"),
    ("postmark", _postmark_bounce("AutoResponder", inactive=False), None),
    ("postmark", _postmark_bounce("AutoResponder", inactive=True), None),
    (
        "postmark",
        _postmark_bounce("SpamComplaint", inactive=True) | {"RecordType": "SpamComplaint"},
        "complaint",
    ),
    ("postmark", _suppressed("HardBounce"), "hard_bounce"),
    ("postmark", _suppressed("SpamComplaint"), "complaint"),
    ("postmark", _suppressed("ManualSuppression"), "unsubscribed"),
    ("postmark", _suppressed("OfANewKind"), "not_understood"),
    ("postmark", _suppressed("HardBounce") | {"SuppressSending": False}, None),
    ("postmark", _postmark("Open"), None),
    (
        "postmark",
        _postmark("Teleport", Recipient=READER, ChangedAt="2026-03-01T11:59:00Z"),
        "not_understood",
    ),
    # Brevo
    ("brevo", _brevo("delivered"), "delivered"),
    ("brevo", _brevo("deferred", reason="spam"), "deferred"),
    ("brevo", _brevo("soft_bounce"), "soft_bounce"),
    ("brevo", _brevo("soft_bounce", reason=NO_SUCH_USER), "soft_bounce"),
    ("brevo", _brevo("hard_bounce"), "hard_bounce"),
    ("brevo", _brevo("hardBounce", reason=NO_SUCH_USER), "hard_bounce"),
    ("brevo", _brevo("invalid_email"), "hard_bounce"),
    ("brevo", _brevo("hard_bounce", reason=FULL), "soft_bounce"),
    ("brevo", _brevo("hard_bounce", reason=POLICY), "blocked"),
    ("brevo", _brevo("blocked"), "blocked"),
    ("brevo", _brevo("error"), "blocked"),
    ("brevo", _brevo("spam"), "complaint"),
    ("brevo", _brevo("unsubscribed"), "unsubscribed"),
    ("brevo", _brevo("teleported"), "not_understood"),
    ("brevo", _brevo("request"), None),
    ("brevo", _brevo("unique_opened"), None),
    # Mailjet
    ("mailjet", _mailjet("sent"), "delivered"),
    ("mailjet", _mailjet("bounce", hard_bounce=True, error="user unknown"), "hard_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=True, error="invalid domain"), "hard_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=True, comment=NO_SUCH_USER), "hard_bounce"),
    ("mailjet", _mailjet("blocked", error="user unknown"), "hard_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=True), "soft_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=True, error="quota exceeded"), "soft_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=True, error="no mail host"), "soft_bounce"),
    (
        "mailjet",
        _mailjet("bounce", hard_bounce=True, error="user unknown", comment=FULL),
        "soft_bounce",
    ),
    ("mailjet", _mailjet("bounce", hard_bounce=False, error="user unknown"), "soft_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=False, error="quota exceeded"), "soft_bounce"),
    ("mailjet", _mailjet("bounce", hard_bounce=False, error="greylisted"), "deferred"),
    ("mailjet", _mailjet("bounce", hard_bounce=True, error="relay/access denied"), "blocked"),
    ("mailjet", _mailjet("blocked", error="preblocked"), "soft_bounce"),
    ("mailjet", _mailjet("blocked", error="of a new kind"), "soft_bounce"),
    ("mailjet", _mailjet("blocked", error="content blocked"), "blocked"),
    ("mailjet", _mailjet("blocked", error="duplicate in campaign"), "blocked"),
    ("mailjet", _mailjet("blocked", error="spam reporter"), "complaint"),
    ("mailjet", _mailjet("spam"), "complaint"),
    ("mailjet", _mailjet("unsub"), "unsubscribed"),
    ("mailjet", _mailjet("teleport"), "not_understood"),
    ("mailjet", _mailjet("click"), None),
    # SES
    ("ses", _ses("Delivery", "delivery"), "delivered"),
    ("ses", _ses("DeliveryDelay", "deliveryDelay", delayType="MailboxFull"), "deferred"),
    ("ses", _ses_bounce("Permanent", "General"), "hard_bounce"),
    ("ses", _ses_bounce("Permanent", "General", "5.1.1", NO_SUCH_USER), "hard_bounce"),
    ("ses", _ses_bounce("Permanent", "NoEmail"), "hard_bounce"),
    ("ses", _ses_bounce("Permanent", "OnAccountSuppressionList", "5.1.1"), "hard_bounce"),
    ("ses", _ses_bounce("Permanent", "General", "5.2.2", FULL), "soft_bounce"),
    ("ses", _ses_bounce("Permanent", "OfANewKind"), "soft_bounce"),
    ("ses", _ses_bounce("Permanent", "General", "5.7.26", POLICY), "blocked"),
    ("ses", _ses_bounce("Permanent", "UnsubscribedRecipient"), "unsubscribed"),
    ("ses", _ses_bounce("Transient", "General", "5.1.1", NO_SUCH_USER), "soft_bounce"),
    ("ses", _ses("Bounce", "bounce", bounceType="Transient"), "soft_bounce"),
    ("ses", _ses_bounce("Transient", "MessageTooLarge"), "blocked"),
    ("ses", _ses("Bounce", "bounce", bounceType="Undetermined"), "soft_bounce"),
    ("ses", _ses("Bounce", "bounce"), "soft_bounce"),
    ("ses", _ses_complaint("abuse"), "complaint"),
    ("ses", _ses_complaint(None), "complaint"),
    ("ses", _ses_complaint(None, complaintSubType="OnAccountSuppressionList"), "complaint"),
    ("ses", _ses_complaint("not-spam"), None),
    ("ses", _ses_complaint("auth-failure"), "blocked"),
    ("ses", _ses("Reject", "reject", reason="Bad content"), "blocked"),
    (
        "ses",
        _ses("Subscription", "subscription", newTopicPreferences={"unsubscribeAll": True}),
        "unsubscribed",
    ),
    (
        "ses",
        _ses("Subscription", "subscription", newTopicPreferences={"unsubscribeAll": False}),
        None,
    ),
    ("ses", _ses("Open", "open"), None),
    ("ses", "Successfully validated SNS topic for Amazon SES event publishing.", None),
    # Scaleway
    ("scaleway", _scaleway("email_delivered"), "delivered"),
    ("scaleway", _scaleway("email_deferred"), "deferred"),
    ("scaleway", _scaleway("email_mailbox_not_found"), "hard_bounce"),
    (
        "scaleway",
        _scaleway("email_dropped", email_response_message=NO_SUCH_USER),
        "hard_bounce",
    ),
    ("scaleway", _scaleway("email_dropped"), "soft_bounce"),
    ("scaleway", _scaleway("email_dropped", email_response_message=FULL), "soft_bounce"),
    ("scaleway", _scaleway("email_dropped", email_response_message=POLICY), "blocked"),
    ("scaleway", _scaleway("email_blocklisted"), "soft_bounce"),
    ("scaleway", _scaleway("email_spam"), "blocked"),
    ("scaleway", _scaleway("email_teleported"), "not_understood"),
    ("scaleway", _scaleway("email_queued"), None),
]

HARD_BOUNCES = {
    name: payload for name, payload, meaning in reversed(MEANINGS) if meaning == "hard_bounce"
}
