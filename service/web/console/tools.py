"""What the admin templates are handed."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import g, request, url_for
from flask_babel import format_date, format_decimal, format_timedelta
from flask_babel import gettext as _
from markupsafe import Markup, escape

from service.domain.errors import InvalidInputError
from service.usecases.paging import Page
from service.web.console.access.session import CSRF_FIELD
from service.web.console.blueprint import admin_pages


@admin_pages.context_processor
def template_tools() -> dict[str, object]:
    """Hand every admin template its navigation, the form's token, and who is signed in."""
    pages = (
        ("dashboard", _("Overview"), "dashboard"),
        ("subscribers", _("Subscribers"), "subscri"),
        ("lists", _("Lists"), "list"),
        ("held", _("Held signups"), "held"),
        ("mails", _("Emails"), "mail"),
        ("suppressions", _("Suppressions"), "suppression"),
        ("import_", _("Import"), "import"),
        ("export", _("Export"), "export"),
        ("keys", _("API keys"), "key"),
        ("webhooks", _("Webhooks"), "webhook"),
        ("retention", _("Retention"), "retention"),
        ("audit", _("Audit log"), "audit"),
    )
    here = (request.endpoint or "").removeprefix("admin.")
    current = next((name for name, _text, thing in pages if thing in here), None)
    return {
        "csrf_field": _csrf_field,
        "is_signed_in": "admin_actor" in g,
        "navigation": [(f"admin.{name}", text, name == current) for name, text, _thing in pages],
    }


def next_page(endpoint: str, page: Page[Any], **values: Any) -> str | None:
    """Return the address of the page after this one, or None after the last."""
    if page.next_cursor is None:
        return None
    return url_for(endpoint, **values, cursor=page.next_cursor)


def day_field(name: str, *, is_end: bool = False) -> datetime | None:
    """Return the start, or the end, of the day (UTC) that a date field of the form holds.

    None where it is empty. Raises `InvalidInputError` for what is no date.
    """
    text = request.form.get(name, "")
    if not text:
        return None
    try:
        start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        return start + timedelta(days=1) if is_end else start
    except (ValueError, OverflowError):
        raise InvalidInputError(name, _("Use a date, such as 2026-03-01.")) from None


@admin_pages.app_template_filter("moment")
def moment(at: datetime | None) -> Markup:
    """Write a time to the minute in UTC, or a dash for none."""
    if at is None:
        return Markup("&ndash;")
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"), utc.strftime("%Y-%m-%d %H:%M")
    )


def _csrf_field() -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(
        escape(CSRF_FIELD), g.admin_csrf
    )


@admin_pages.app_template_filter("words")
def words(code: str) -> str:
    """Write a code such as `hard_bounce` as words."""
    return code.replace("_", " ")


@admin_pages.app_template_filter("json_text")
def json_text(value: object) -> str:
    """Write a value as JSON in plain characters; the template escapes it as it does any text."""
    return json.dumps(value, ensure_ascii=False)


@admin_pages.app_template_filter("plain")
def plain(value: object) -> str:
    """Write a value of the audit log as a person would; write nothing for empty or null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, Mapping):
        parts = ((words(str(name)), plain(each)) for name, each in value.items())
        return ", ".join(f"{name} {text}" for name, text in parts if text)
    if isinstance(value, list):
        return ", ".join(filter(None, map(plain, value)))
    return str(value)


@admin_pages.app_template_filter("number")
def number(value: int) -> str:
    """Write a whole number as the page's language groups its digits."""
    return str(format_decimal(value))


@admin_pages.app_template_filter("short_day")
def short_day(day: date) -> str:
    """Write a day without its year."""
    return str(format_date(day, "d MMM"))


@admin_pages.app_template_filter("duration")
def duration(seconds: float) -> str:
    """Write how long something took, in its largest unit."""
    return str(format_timedelta(timedelta(seconds=round(seconds)), granularity="second"))
