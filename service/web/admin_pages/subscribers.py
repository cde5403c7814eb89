"""Subscribers: find, look at, take off a list, erase."""

from collections.abc import Mapping
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from service.domain.subscription import Status
from service.web.admin.subscribers import person_file
from service.web.admin_pages import admin_pages
from service.web.admin_pages.session import actor, signed_in
from service.web.context import usecases

PAGE = 50
MAX_TEXT_LENGTH = 200


@admin_pages.get("/subscribers")
@signed_in
def subscribers() -> ResponseReturnValue:
    """Show those who fit, oldest first."""
    text = request.args.get("q", "").strip()[:MAX_TEXT_LENGTH]
    slug, status = request.args.get("list", ""), request.args.get("status", "")
    page = usecases().subscribers.page(
        limit=PAGE,
        cursor=request.args.get("cursor"),
        list=slug or None,
        status=Status(status) if status in set(Status) else None,
        text=text or None,
    )
    asked = {"q": text or None, "list": slug or None, "status": status or None}
    return render_template(
        "admin/subscribers.html",
        page=page,
        lists=usecases().lists.all(),
        statuses=[status.value for status in Status],
        asked=asked,
        is_first="cursor" not in request.args,
        first_page=_address(asked),
        next_page=_address(asked, page.next_cursor) if page.next_cursor else None,
        notice=_("The person is erased.") if request.args.get("done") == "erased" else None,
    )


@admin_pages.get("/subscribers/<uuid:subscriber_id>")
@signed_in
def subscriber(subscriber_id: UUID) -> ResponseReturnValue:
    """Show one person with everything that is known of them."""
    return _person(subscriber_id)


@admin_pages.post("/subscribers/<uuid:subscriber_id>/end")
@signed_in
def end_subscription(subscriber_id: UUID) -> ResponseReturnValue:
    """Take the person off one list."""
    usecases().end_subscription(subscriber_id, request.form.get("list", ""), actor=actor())
    return redirect(
        url_for("admin.subscriber", subscriber_id=subscriber_id, done="ended"), code=303
    )


@admin_pages.post("/subscribers/<uuid:subscriber_id>/erase")
@signed_in
def erase_subscriber(subscriber_id: UUID) -> ResponseReturnValue:
    """Erase the person, where their address was typed as a confirmation; else ask again (422)."""
    typed = request.form.get("address", "").strip().casefold()
    if typed != usecases().subscribers.get(subscriber_id).info.email.casefold():
        return _person(subscriber_id, error=_("This is not the address of this person.")), 422
    usecases().subscribers.erase(subscriber_id, actor=actor())
    return redirect(url_for("admin.subscribers", done="erased"), code=303)


@admin_pages.post("/subscribers/<uuid:subscriber_id>/data")
@signed_in
def subscriber_data(subscriber_id: UUID) -> ResponseReturnValue:
    """Give all data of the person as one file, for them. A POST, for it is kept in the log."""
    return person_file(subscriber_id, actor=actor())


def _address(asked: Mapping[str, str | None], cursor: str | None = None) -> str:
    return url_for(
        "admin.subscribers",
        q=asked["q"],
        list=asked["list"],
        status=asked["status"],
        cursor=cursor,
    )


def _person(subscriber_id: UUID, *, error: str | None = None) -> str:
    return render_template(
        "admin/subscriber.html",
        view=usecases().subscribers.get(subscriber_id),
        lists={info.id: info for info in usecases().lists.all()},
        errors={"address": error} if error else {},
        notice=_("The subscription has ended.") if request.args.get("done") == "ended" else None,
    )
