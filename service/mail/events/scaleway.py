"""Scaleway Transactional Email through Topics and Events, which speaks the language of SNS.

https://www.scaleway.com/en/docs/transactional-email/reference-content/webhook-events-payloads/ and,
for the signature, …/en/docs/topics-and-events/reference-content/verifying-webhooks/
"""

import re

from service.domain.delivery.feedback import EventKind, ProviderEvent
from service.mail.events.bounce import bounce_kind, read_reply
from service.mail.events.fetch import Fetch
from service.mail.events.payload import (
    Object,
    code_of,
    digest_of,
    name_of,
    text,
    time_of,
    word_of,
)
from service.mail.events.request import EventRequest, ParsedEvents, read_each
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

_KINDS = {"emaildelivered": EventKind.DELIVERED, "emaildeferred": EventKind.DEFERRED}
_BOUNCES = {
    "emailmailboxnotfound": EventKind.HARD_BOUNCE,
    "emaildropped": None,
    "emailblocklisted": EventKind.SOFT_BOUNCE,
    "emailspam": EventKind.BLOCKED,
}
"""`email_dropped` may have any reason; `email_spam` is the verdict of a filter, not of a person."""
_IGNORED = frozenset({"emailqueued", "blocklistcreated"})


class ScalewayEvents:
    """Reads the notifications of one topic; `secret` is the topic's ARN.

    Scaleway gives nothing of ours back: events name the email by its id at Scaleway alone.
    """

    def __init__(self, fetch: Fetch) -> None:
        """`fetch` gets certificates and confirms the subscription."""
        self._messages = SnsMessages(HOSTS, fetch)

    def __call__(self, request: EventRequest, secret: str) -> ParsedEvents:
        """See `Parser`."""
        notification = self._messages.read(request, topic=secret)
        item = message_of(notification) if notification is not None else None
        if item is None:
            return ParsedEvents(ignored=1)
        return read_each([item], lambda each: _event(each, request))


def _event(item: Object, request: EventRequest) -> ProviderEvent | None:
    kind = _kind(item)
    if kind is None:
        return None
    return ProviderEvent(
        event_id=name_of(item.get("id")) or digest_of(item),
        kind=kind,
        at=time_of(item.get("created_at"), default=request.received_at),
        provider_message_id=name_of(item.get("email_id")),
        recipient=text(item, "email_to"),
        detail=code_of(name_of(item.get("email_response_code"))) or code_of(item.get("type")),
    )


def _kind(item: Object) -> EventKind | None:
    word = word_of(item.get("type"))
    if word in _BOUNCES:
        names = ("email_response_message", "email_error", "email_response_code")
        return bounce_kind(_BOUNCES[word], read_reply(*(item.get(name) for name in names)))
    return None if word in _IGNORED else _KINDS.get(word, EventKind.NOT_UNDERSTOOD)
