"""Scaleway Transactional Email through Topics and Events, which speaks the language of SNS.

https://www.scaleway.com/en/docs/transactional-email/reference-content/webhook-events-payloads/ and,
for the signature, …/en/docs/topics-and-events/reference-content/verifying-webhooks/
"""

import re

from service.domain.feedback import EventKind, ProviderEvent
from service.mail.events.fetch import Fetch
from service.mail.events.payload import code_of, digest_of, name_of, text, time_of
from service.mail.events.request import EventRequest, ParsedEvents
from service.mail.events.sns import SnsHosts, SnsMessages, message_of

_BUCKET = r"https://messaging\.s3\.(?P<region>[a-z]{2}-[a-z]{3})\.scw\.cloud"
HOSTS = SnsHosts(
    certificate=re.compile(_BUCKET + r"/(?P=region)/sns/[A-Za-z0-9_.-]{1,128}\.(?:pem|crt)"),
    confirmation=re.compile(r"https://sns\.mnq\.[a-z]{2}-[a-z]{3}\.scaleway\.com/[!-~]{1,2000}"),
    trust_chain=lambda place: (
        "https://messaging.s3.{region}.scw.cloud/{region}/sns/sns-trust-chain.pem".format(
            **place.groupdict()
        )
    ),
)

_KINDS = {
    "email_delivered": EventKind.DELIVERED,
    "email_deferred": EventKind.DEFERRED,
    "email_dropped": EventKind.HARD_BOUNCE,
    "email_mailbox_not_found": EventKind.HARD_BOUNCE,
    "email_blocklisted": EventKind.SOFT_BOUNCE,
    "email_spam": EventKind.SOFT_BOUNCE,
}
"""`email_spam` is the verdict of a filter, not of a person."""


class ScalewayEvents:
    """Reads the notifications of one topic; `secret` is the topic's ARN.

    Scaleway gives nothing of ours back: events name the mail by its id at Scaleway alone.
    """

    def __init__(self, fetch: Fetch) -> None:
        """`fetch` gets certificates and confirms the subscription."""
        self._messages = SnsMessages(HOSTS, fetch)

    def __call__(self, request: EventRequest, secret: str) -> ParsedEvents:
        """See `Parser`."""
        notification = self._messages.read(request, topic=secret)
        item = message_of(notification) if notification is not None else None
        kind = _KINDS.get(text(item, "type") or "") if item is not None else None
        if item is None or kind is None:
            return ParsedEvents(ignored=1)
        event = ProviderEvent(
            event_id=name_of(item.get("id")) or digest_of(item),
            kind=kind,
            at=time_of(item.get("created_at"), default=request.received_at),
            provider_message_id=name_of(item.get("email_id")),
            recipient=text(item, "email_to"),
            detail=code_of(name_of(item.get("email_response_code"))),
        )
        return ParsedEvents((event,))
