"""Amazon SES through SNS.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html, and for
feedback notifications of an identity …/dg/notification-contents.html
"""

import re
from typing import Any

from service.domain.feedback import EventKind, ProviderEvent
from service.mail.events.fetch import Fetch
from service.mail.events.payload import (
    Object,
    code_of,
    digest_of,
    name_of,
    part,
    text,
    time_of,
    uuid_of,
)
from service.mail.events.request import EventRequest, ParsedEvents
from service.mail.events.sns import SnsHosts, SnsMessages, message_of

# A region begins with two letters and a hyphen: `sns.s3.amazonaws.com` would be anybody's bucket.
_HOST = r"https://sns\.[a-z]{2}(?:-[a-z]+)+-\d{1,2}\.amazonaws\.com(?:\.cn)?"
HOSTS = SnsHosts(
    certificate=re.compile(_HOST + r"/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem"),
    confirmation=re.compile(_HOST + r"/\?[!-~]{1,2000}"),
)

_KINDS = {
    "Delivery": ("delivery", EventKind.DELIVERED),
    "DeliveryDelay": ("deliveryDelay", EventKind.DEFERRED),
    "Bounce": ("bounce", EventKind.HARD_BOUNCE),
    "Complaint": ("complaint", EventKind.COMPLAINT),
}
"""The event's type, the object with its particulars, and what it is to us."""


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
        name = text(item, "eventType") or text(item, "notificationType") or ""
        place, kind = _KINDS.get(name, ("", None))
        about, mail = part(item, place), part(item, "mail")
        if kind is EventKind.HARD_BOUNCE and about.get("bounceType") != "Permanent":
            kind = EventKind.SOFT_BOUNCE
        if kind is None or about.get("complaintFeedbackType") == "not-spam":
            return ParsedEvents(ignored=1)
        notice = name_of(notification.get("MessageId"))
        event = ProviderEvent(
            event_id=notice or digest_of(item),
            kind=kind,
            at=time_of(about.get("timestamp"), default=request.received_at),
            message_id=uuid_of(_first(part(mail, "tags").get("message_id"))),
            provider_message_id=name_of(mail.get("messageId")),
            recipient=_recipient(mail),
            detail=code_of(about.get("bounceSubType") or about.get("complaintFeedbackType")),
        )
        return ParsedEvents((event,))


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None


def _recipient(mail: Object) -> str | None:
    """Return the one address: each of our mails goes to one."""
    first = _first(mail.get("destination"))
    return first if isinstance(first, str) else None
