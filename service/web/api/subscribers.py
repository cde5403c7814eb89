"""`/v1/subscribers`: find, look at, correct and erase subscribers."""

from typing import Any
from uuid import UUID

from flask import Response
from flask.typing import ResponseReturnValue

from service.domain.access.roles import Role
from service.schemas.people import (
    PersonDataSchema,
    SubscriberChangesSchema,
    SubscriberDetailSchema,
    SubscribersQuerySchema,
    SubscribersSchema,
    detail_data,
    person_text,
    subscribers_data,
)
from service.usecases.people.subscribers import SubscriberDetail
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
    text = query.pop("q", None)
    page = services().subscribers.page(**query, text=text)
    return subscribers_data(page, services().lists.slugs())


@subscribers_api.get("/<uuid:subscriber_id>")
@requires(Role.ADMIN)
@subscribers_api.response(200, SubscriberDetailSchema)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def subscriber(subscriber_id: UUID) -> dict[str, Any]:
    """Show a subscriber with subscriptions, consent events and emails."""
    return _detail(services().subscribers.get(subscriber_id))


@subscribers_api.get("/<uuid:subscriber_id>/data")
@requires(Role.ADMIN)
@subscribers_api.response(200, PersonDataSchema)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def subscriber_data(subscriber_id: UUID) -> ResponseReturnValue:
    """Return all data of one person as a file. Recorded in the audit log."""
    return person_file(subscriber_id, actor=actor())


def person_file(subscriber_id: UUID, *, actor: str) -> ResponseReturnValue:
    """Answer with all data of one person as a file, on behalf of `actor`."""
    found = services().subscribers.data(subscriber_id, actor=actor)
    return Response(
        person_text(found, services().lists.slugs()),
        mimetype="application/json",
        headers={"Content-Disposition": f'attachment; filename="{subscriber_id}.json"'},
    )


@subscribers_api.patch("/<uuid:subscriber_id>")
@requires(Role.ADMIN)
@subscribers_api.arguments(SubscriberChangesSchema)
@subscribers_api.response(200, SubscriberDetailSchema)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def change_subscriber(data: dict[str, Any], subscriber_id: UUID) -> dict[str, Any]:
    """Change name, locale or attributes."""
    return _detail(services().subscribers.update(subscriber_id, data, actor=actor()))


@subscribers_api.delete("/<uuid:subscriber_id>")
@requires(Role.ADMIN)
@subscribers_api.response(204)
@subscribers_api.alt_response(404, description="There is no such subscriber.")
def erase_subscriber(subscriber_id: UUID) -> None:
    """Erase a person. A keyed hash of the address is kept, so that no import brings it back."""
    services().subscribers.erase(subscriber_id, actor=actor())


def _detail(view: SubscriberDetail) -> dict[str, Any]:
    return detail_data(view, services().lists.slugs())
