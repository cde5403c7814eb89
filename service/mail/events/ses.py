"""Amazon SES through SNS.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html, and for
feedback notifications of an identity …/dg/notification-contents.html
"""

import re
from typing import Any

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.mail.events.bounce import bounce_kind, read_reply
from service.mail.events.fetch import Fetch
from service.mail.events.payload import (
    Object,
    code_of,
    digest_of,
    name_of,
    part,
    time_of,
    uuid_of,
    word_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, read_each
from service.mail.events.sns import SnsHosts, SnsMessages, message_of

# A region begins with two letters and a hyphen: `sns.s3.amazonaws.com` would be anybody's bucket.
_HOST = r"https://sns\.[a-z]{2}(?:-[a-z]+)+-\d{1,2}\.amazonaws\.com(?:\.cn)?"
HOSTS = SnsHosts(
    certificate=re.compile(_HOST + r"/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem"),
    confirmation=re.compile(_HOST + r"/\?[!-~]{1,2000}"),
)

_PLACES = {
    "delivery": "delivery",
    "deliverydelay": "deliveryDelay",
    "bounce": "bounce",
    "complaint": "complaint",
    "reject": "reject",
    "renderingfailure": "failure",
    "subscription": "subscription",
}
"""The event's type, and the object with its particulars."""
_KINDS = {
    "delivery": EventKind.DELIVERED,
    "deliverydelay": EventKind.DEFERRED,
    "reject": EventKind.BLOCKED,
    "renderingfailure": EventKind.BLOCKED,
}
_IGNORED = frozenset({"click", "open", "send"})
_PERMANENT = {
    "general": EventKind.HARD_BOUNCE,
    "noemail": EventKind.HARD_BOUNCE,
    "suppressed": EventKind.HARD_BOUNCE,
    "onaccountsuppressionlist": EventKind.HARD_BOUNCE,
}
_MAIL_ITSELF = frozenset({"messagetoolarge", "contentrejected", "attachmentrejected"})
_NO_COMPLAINTS = {
    "notspam": None,
    "authfailure": EventKind.BLOCKED,
    "virus": EventKind.BLOCKED,
}
"""Feedback reports (RFC 5965) in which nobody complains."""


class SesEvents:
    """Reads the notifications of one topic; `secret` is the topic's ARN, as SNS signs by itself."""

    def __init__(self, fetch: Fetch) -> None:
        """`fetch` gets certificates and confirms the subscription."""
        self._messages = SnsMessages(HOSTS, fetch)

    def __call__(self, request: EventRequest, secret: str) -> ParsedEvents:
        """See `Parser`."""
        notification = self._messages.read(request, topic=secret)
        item = message_of(notification) if notification is not None else None
        if notification is None or item is None:
            return ParsedEvents(ignored=1)
        notice = name_of(notification.get("MessageId"))
        return read_each([item], lambda each: _event(each, notice, request))


def _event(item: Object, notice: str | None, request: EventRequest) -> ProviderEvent | None:
    name = item.get("eventType") or item.get("notificationType")
    about, mail = part(item, _PLACES.get(word_of(name), "")), part(item, "mail")
    kind = _kind(word_of(name), about)
    if kind is None:
        return None
    return ProviderEvent(
        event_id=notice or digest_of(item),
        kind=kind,
        at=time_of(about.get("timestamp"), default=request.received_at),
        message_id=uuid_of(_first(part(mail, "tags").get("message_id"))),
        provider_message_id=name_of(mail.get("messageId")),
        recipient=_recipient(mail),
        detail=code_of(about.get("bounceSubType") or about.get("complaintFeedbackType"))
        or code_of(name),
    )


def _kind(type_: str, about: Object) -> EventKind | None:
    if type_ == "bounce":
        return _bounce(about)
    if type_ == "complaint":
        feedback = word_of(about.get("complaintFeedbackType"))
        return _NO_COMPLAINTS.get(feedback, EventKind.COMPLAINT)
    if type_ == "subscription":
        is_over = part(about, "newTopicPreferences").get("unsubscribeAll") is True
        return EventKind.UNSUBSCRIBED if is_over else None
    return None if type_ in _IGNORED else _KINDS.get(type_, EventKind.NOT_UNDERSTOOD)


def _bounce(about: Object) -> EventKind:
    type_, subtype = word_of(about.get("bounceType")), word_of(about.get("bounceSubType"))
    if subtype == "unsubscribedrecipient":
        return EventKind.UNSUBSCRIBED
    word = None
    if subtype in _MAIL_ITSELF:
        word = EventKind.BLOCKED
    elif type_ == "permanent":
        word = _PERMANENT.get(subtype)
    elif type_:
        word = EventKind.SOFT_BOUNCE  # `Transient` or `Undetermined`
    first = _first(about.get("bouncedRecipients"))
    recipient = first if isinstance(first, dict) else {}
    return bounce_kind(word, read_reply(recipient.get("status"), recipient.get("diagnosticCode")))


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None


def _recipient(mail: Object) -> str | None:
    """Return the one address: each of our emails goes to one."""
    first = _first(mail.get("destination"))
    return first if isinstance(first, str) else None
