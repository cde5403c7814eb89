"""Subscribers, suppressions, and how long what is kept."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields, validate

from service.domain.address import MAX_LENGTH
from service.domain.files.json_stream import stream_object
from service.domain.person import ConsentInfo
from service.domain.subscription import MAX_NAME_LENGTH, Status, SuppressionReason
from service.schemas.fields import LOCALE, SLUG, described
from service.schemas.paging import PageSchema
from service.usecases.paging import Page
from service.usecases.people.subscribers import (
    PersonData,
    SubscriberDetail,
    SubscriberView,
)
from service.usecases.people.suppressions import MAX_NOTE_LENGTH


class SubscribersQuerySchema(PageSchema):
    """Which subscribers."""

    list = fields.String(**SLUG, **described("Only subscribers of this list."))
    status = fields.Enum(Status, by_value=True)
    q = fields.String(
        validate=validate.Length(min=1, max=200),
        **described("Part of an address, a name or an attribute."),
    )


class SubscriptionSchema(Schema):
    """A subscription as it stands."""

    list = fields.String()
    status = fields.Enum(Status, by_value=True)
    source = fields.String(allow_none=True)
    consent_text_version = fields.String(allow_none=True)
    requested_at = fields.AwareDateTime()
    confirmed_at = fields.AwareDateTime(allow_none=True)
    ended_at = fields.AwareDateTime(allow_none=True)
    ended_reason = fields.String(allow_none=True)


class SubscriberSchema(Schema):
    """A subscriber with their subscriptions."""

    id = fields.UUID()
    email = fields.String(metadata={"format": "email"})
    name = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    attributes = fields.Dict(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    subscriptions = fields.List(fields.Nested(SubscriptionSchema))


class SubscribersSchema(Schema):
    """A page of subscribers, oldest first."""

    subscribers = fields.List(fields.Nested(SubscriberSchema))
    next_cursor = fields.String(allow_none=True)


class ConsentEventSchema(Schema):
    """An entry of the consent ledger."""

    list = fields.String(allow_none=True)
    kind = fields.String()
    at = fields.AwareDateTime()
    source = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    ip = fields.String(allow_none=True)
    text_version = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)


class SubscriberMailSchema(Schema):
    """An email to the subscriber."""

    id = fields.UUID()
    kind = fields.String()
    status = fields.String()
    created_at = fields.AwareDateTime()
    settled_at = fields.AwareDateTime(allow_none=True)
    attempts = fields.Integer()
    provider = fields.String(allow_none=True)
    last_error = fields.String(allow_none=True)


class SubscriberDetailSchema(SubscriberSchema):
    """A subscriber with all that is known of them, oldest first.

    Only the newest 200 consent events and emails; `/data` returns all.
    """

    consent_events = fields.List(fields.Nested(ConsentEventSchema))
    mails = fields.List(fields.Nested(SubscriberMailSchema))
    suppressed_for = fields.List(fields.Enum(SuppressionReason, by_value=True))


class PersonEventSchema(Schema):
    """An event that a provider sent about an email to the person."""

    provider = fields.String()
    kind = fields.String()
    at = fields.AwareDateTime()
    received_at = fields.AwareDateTime()
    message_id = fields.UUID(allow_none=True)
    detail = fields.String(allow_none=True)


class HeldDataSchema(Schema):
    """A signup of the address that waits for review."""

    id = fields.UUID()
    email = fields.String()
    name = fields.String(allow_none=True)
    locale = fields.String(allow_none=True)
    attributes = fields.Dict(allow_none=True)
    source = fields.String(allow_none=True)
    ip = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()


class PersonDataSchema(SubscriberDetailSchema):
    """All data of one person (GDPR, articles 15 and 20)."""

    mail_events = fields.List(fields.Nested(PersonEventSchema))
    held_signups = fields.List(fields.Nested(HeldDataSchema))


class SubscriberChangesSchema(Schema):
    """Fields that may be changed. Null clears a field."""

    name = fields.String(allow_none=True, validate=validate.Length(max=MAX_NAME_LENGTH))
    locale = fields.String(allow_none=True, validate=LOCALE)
    attributes = fields.Dict(keys=fields.String(), values=fields.Raw(), allow_none=True)


class SuppressionsQuerySchema(PageSchema):
    """Which suppressions."""

    email = fields.String(
        validate=validate.Length(min=1, max=MAX_LENGTH), **described("Only this address.")
    )


class NewSuppressionSchema(Schema):
    """An address to suppress."""

    email = fields.String(required=True, validate=validate.Length(min=1, max=MAX_LENGTH))
    note = fields.String(
        allow_none=True, load_default=None, validate=validate.Length(max=MAX_NOTE_LENGTH)
    )


class SuppressionSchema(Schema):
    """A suppression. `email` is null once the person is erased."""

    address_hash = fields.String()
    reason = fields.Enum(SuppressionReason, by_value=True)
    email = fields.String(attribute="email_key", allow_none=True)
    note = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()


class SuppressionsSchema(Schema):
    """A page of suppressions."""

    suppressions = fields.List(fields.Nested(SuppressionSchema), attribute="items")
    next_cursor = fields.String(allow_none=True)


class LiftQuerySchema(Schema):
    """Which of an address's suppressions."""

    reason = fields.Enum(SuppressionReason, by_value=True, load_default=SuppressionReason.MANUAL)


class RetentionRulesSchema(Schema):
    """After how many days data is deleted. 0: never."""

    unconfirmed_days = fields.Integer(**described("People who never confirmed."))
    ended_days = fields.Integer(**described("People who unsubscribed from all lists."))
    mail_days = fields.Integer(**described("Emails that were sent or failed."))
    audit_days = fields.Integer(**described("Entries of the audit log."))


class RetentionRunSchema(Schema):
    """A run that deleted something."""

    at = fields.AwareDateTime()
    actor = fields.String()
    removed = fields.Dict(keys=fields.String(), values=fields.Integer())


class RetentionSchema(Schema):
    """The retention periods, and the newest runs that deleted something."""

    rules = fields.Nested(RetentionRulesSchema)
    runs = fields.List(fields.Nested(RetentionRunSchema))


def _shown(view: SubscriberView | SubscriberDetail, slugs: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        **asdict(view.info),
        "subscriptions": [
            {**asdict(held), "list": slugs.get(held.mailing_list_id)} for held in view.subscriptions
        ],
    }


def subscribers_data(page: Page[SubscriberView], slugs: Mapping[UUID, str]) -> dict[str, Any]:
    """Return a page as `SubscribersSchema` dumps it; `slugs` names the lists."""
    return {
        "subscribers": [_shown(view, slugs) for view in page.items],
        "next_cursor": page.next_cursor,
    }


def person_text(data: PersonData, slugs: Mapping[UUID, str]) -> Iterator[str]:
    """Go through a person's data as JSON, as `PersonDataSchema` says; `slugs` names the lists."""
    given = {
        **detail_data(data.detail, slugs),
        "consent_events": _consents(data.consents, slugs),
        "mails": data.messages,
        "mail_events": data.events,
        "held_signups": data.held,
    }
    long = ("consent_events", "mails", "mail_events")
    members = PersonDataSchema(exclude=long).dump(given)
    return stream_object(members, {name: _items(name, given[name]) for name in long})


def _items(name: str, items: Iterable[Any]) -> Iterator[Any]:
    """Go through the items of a list of `PersonDataSchema`, dumped one by one."""
    schema = PersonDataSchema(only=(name,))
    for item in items:
        yield schema.dump({name: [item]})[name][0]


def detail_data(view: SubscriberDetail, slugs: Mapping[UUID, str]) -> dict[str, Any]:
    """Return a subscriber as `SubscriberDetailSchema` dumps it; `slugs` names the lists."""
    return {
        **_shown(view, slugs),
        "consent_events": list(_consents(view.consents, slugs)),
        "mails": view.messages,
        "suppressed_for": [each.reason for each in view.suppressions],
    }


def _consents(events: Iterable[ConsentInfo], slugs: Mapping[UUID, str]) -> Iterator[dict[str, Any]]:
    for event in events:
        yield {**asdict(event), "list": slugs.get(event.mailing_list_id)}
