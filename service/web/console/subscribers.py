"""Subscribers: find, look at, correct, take off a list, erase."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from marshmallow import ValidationError

from service.domain.errors import InvalidInputError
from service.domain.letters import ascii_lower
from service.domain.person import SubscriberInfo
from service.domain.strict_json import read_json
from service.domain.subscription import MAX_NAME_LENGTH, Status
from service.schemas.errors import field_errors
from service.schemas.people import SubscriberChangesSchema
from service.web.api.subscribers import person_file
from service.web.console.access.session import actor, signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.tools import next_page
from service.web.http.context import services

PAGE = 50
MAX_TEXT_LENGTH = 200


@admin_pages.get("/subscribers")
@signed_in
def subscribers() -> ResponseReturnValue:
    """Show those who fit, oldest first."""
    text = request.args.get("q", "").strip()[:MAX_TEXT_LENGTH]
    slug, status = request.args.get("list", ""), request.args.get("status", "")
    page = services().subscribers.page(
        limit=PAGE,
        cursor=request.args.get("cursor"),
        list=slug or None,
        status=Status(status) if status in set(Status) else None,
        text=text or None,
    )
    asked: dict[str, Any] = {"q": text or None, "list": slug or None, "status": status or None}
    return render_template(
        "admin/people/subscribers.html",
        page=page,
        lists=services().lists.all(),
        statuses=[status.value for status in Status],
        asked=asked,
        is_first="cursor" not in request.args,
        first_page=url_for("admin.subscribers", **asked),
        next_page=next_page("admin.subscribers", page, **asked),
        notice=_("The person is erased.") if request.args.get("done") == "erased" else None,
    )


@admin_pages.get("/subscribers/<uuid:subscriber_id>")
@signed_in
def subscriber(subscriber_id: UUID) -> ResponseReturnValue:
    """Show one person with everything that is known of them."""
    return _person(subscriber_id)


@admin_pages.post("/subscribers/<uuid:subscriber_id>")
@signed_in
def change_subscriber(subscriber_id: UUID) -> ResponseReturnValue:
    """Change name, locale or attributes, or show the errors (422)."""
    try:
        changes = _changes(services().subscribers.get(subscriber_id).info)
        if changes:
            services().subscribers.update(subscriber_id, changes, actor=actor())
    except ValidationError as error:
        return _person(subscriber_id, errors=field_errors(error)), 422
    except InvalidInputError as error:
        return _person(subscriber_id, errors={error.field: str(error)}), 422
    return redirect(
        url_for("admin.subscriber", subscriber_id=subscriber_id, done="changed"), code=303
    )


@admin_pages.post("/subscribers/<uuid:subscriber_id>/end")
@signed_in
def end_subscription(subscriber_id: UUID) -> ResponseReturnValue:
    """Take the person off one list."""
    services().end_subscription(subscriber_id, request.form.get("list", ""), actor=actor())
    return redirect(
        url_for("admin.subscriber", subscriber_id=subscriber_id, done="ended"), code=303
    )


@admin_pages.post("/subscribers/<uuid:subscriber_id>/erase")
@signed_in
def erase_subscriber(subscriber_id: UUID) -> ResponseReturnValue:
    """Erase the person, where their address was typed as a confirmation; else ask again (422)."""
    typed = ascii_lower(request.form.get("address", "").strip())
    if typed != ascii_lower(services().subscribers.get(subscriber_id).info.email):
        error = _("This is not the person's address. Enter it exactly as shown above.")
        return _person(subscriber_id, errors={"address": error}), 422
    services().subscribers.erase(subscriber_id, actor=actor())
    return redirect(url_for("admin.subscribers", done="erased"), code=303)


@admin_pages.post("/subscribers/<uuid:subscriber_id>/data")
@signed_in
def subscriber_data(subscriber_id: UUID) -> ResponseReturnValue:
    """Give all data of the person as one file, for them. A POST, for it is kept in the log."""
    return person_file(subscriber_id, actor=actor())


def _changes(info: SubscriberInfo) -> dict[str, Any]:
    """Read which fields the form changes. Raises `ValidationError`, `InvalidInputError`."""
    given: dict[str, Any] = {
        name: " ".join(request.form.get(name, "").split()) or None for name in ("name", "locale")
    }
    text = request.form.get("attributes", "").strip()
    try:
        given["attributes"] = read_json(text) if text else None
    except ValueError:
        raise InvalidInputError(
            "attributes", _('Use a JSON object, such as {"city": "Paris"}.')
        ) from None
    loaded = SubscriberChangesSchema().load(given)
    return {name: value for name, value in loaded.items() if value != getattr(info, name)}


def _person(subscriber_id: UUID, *, errors: Mapping[str, str] | None = None) -> str:
    view = services().subscribers.get(subscriber_id)
    done = {"ended": _("Unsubscribed."), "changed": _("Saved.")}
    is_form_again = bool(errors) and "address" not in request.form
    kept = {
        "name": view.info.name or "",
        "locale": view.info.locale or "",
        "attributes": json.dumps(view.info.attributes, ensure_ascii=False, indent=2)
        if view.info.attributes
        else "",
    }
    return render_template(
        "admin/people/subscriber.html",
        view=view,
        lists={info.id: info for info in services().lists.all()},
        values=request.form if is_form_again else kept,
        max_name=MAX_NAME_LENGTH,
        errors=errors or {},
        notice=None if errors else done.get(request.args.get("done", "")),
    )
