"""`/v1/subscribers`: find, look at, correct and erase subscribers."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from service.domain.access.roles import Role
from service.domain.files.json_stream import stream_object
from service.schemas.people import (
    PersonDataSchema,
    SubscriberChangesSchema,
    SubscriberDetailSchema,
    SubscribersQuerySchema,
    SubscribersSchema,
)
from service.store.people.subscribers import ConsentInfo
from service.usecases.people.subscribers import (
    PersonData,
    SubscriberDetail,
    SubscribersPage,
    SubscriberView,
)
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

subscribers_api = JsonBlueprint(
    "subscribers", __name__, url_prefix="/v1/subscribers", description="Subscribers"
)


@subscribers_api.get("")
@requires(Role.ADMIN)
@subscribers_api.arguments(SubscribersQuerySchema, location="query")
@subscribers_api.response(200, SubscribersSchema)
@subscribers_api.alt_response(404, description="There is no such list.")
def subscribers(query: dict[str, Any]) -> dict[str, Any]:
    """List subscribers, oldest first."""
    page = services().subscribers.page(
        limit=query["limit"],
        cursor=query.get("cursor"),
        list=query.get("list"),
        status=query.get("status"),
        text=query.get("q"),
    )
    return page_data(page, _slugs())


@subscribers_api.get("/<uuid:subscriber_id>")
@requires(Role.ADMIN)
@subscribers_api.response(200, SubscriberDetailSchema)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def subscriber(subscriber_id: UUID) -> dict[str, Any]:
    """Show a subscriber with subscriptions, consent events and mails."""
    return _detail(services().subscribers.get(subscriber_id))


@subscribers_api.get("/<uuid:subscriber_id>/data")
@requires(Role.ADMIN)
@subscribers_api.response(200, PersonDataSchema)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def subscriber_data(subscriber_id: UUID) -> ResponseReturnValue:
    """Give all data of one person as one file, for them; audited."""
    return person_file(subscriber_id, actor=actor())


def person_file(subscriber_id: UUID, *, actor: str) -> ResponseReturnValue:
    """Answer with all data of one person as a file, on behalf of `actor`."""
    found = services().subscribers.data(subscriber_id, actor=actor)
    return Response(
        person_text(found, _slugs()),
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{subscriber_id}.json"'},
    )


@subscribers_api.patch("/<uuid:subscriber_id>")
@requires(Role.ADMIN)
@subscribers_api.arguments(SubscriberChangesSchema)
@subscribers_api.response(200, SubscriberDetailSchema)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def change_subscriber(data: dict[str, Any], subscriber_id: UUID) -> dict[str, Any]:
    """Correct name, locale or attributes."""
    return _detail(services().subscribers.update(subscriber_id, data, actor=actor()))


@subscribers_api.delete("/<uuid:subscriber_id>")
@requires(Role.ADMIN)
@subscribers_api.response(204)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def erase_subscriber(subscriber_id: UUID) -> None:
    """Erase a person. A keyed hash of the address stays, so that no import brings it back."""
    services().subscribers.erase(subscriber_id, actor=actor())


def _slugs() -> dict[UUID, str]:
    return {info.id: info.slug for info in services().lists.all()}


def _shown(view: SubscriberView | SubscriberDetail, slugs: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        **asdict(view.info),
        "subscriptions": [
            {**asdict(held), "list": slugs.get(held.mailing_list_id)} for held in view.subscriptions
        ],
    }


def page_data(page: SubscribersPage, slugs: Mapping[UUID, str]) -> dict[str, Any]:
    """Return a page as `SubscribersSchema` dumps it; `slugs` names the lists."""
    return {
        "subscribers": [_shown(view, slugs) for view in page.subscribers],
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


def _detail(view: SubscriberDetail) -> dict[str, Any]:
    return detail_data(view, _slugs())


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
