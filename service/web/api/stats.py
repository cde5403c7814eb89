"""`/v1/stats`: how the lists fare, day by day."""

from typing import Any

from marshmallow import Schema, fields

from service.domain.access.roles import Role
from service.schemas.fields import SLUG, described
from service.usecases.operations.statistics import MAX_DAYS, USUAL_DAYS, Report
from service.web.http.auth import current_key, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

stats_api = JsonBlueprint("stats", __name__, url_prefix="/v1/stats", description="How lists fare")


class StatsQuerySchema(Schema):
    """Which days, and which list."""

    list = fields.String(**SLUG, **described("Only this list."))
    since = fields.Date(
        **described(f"The first day (UTC), {USUAL_DAYS} days in all where left out.")
    )
    until = fields.Date(
        **described(f"The last day, today where left out or later. At most {MAX_DAYS} days.")
    )


class CountsSchema(Schema):
    """How often what happened."""

    signups = fields.Integer(**described("Requests, also repeated ones."))
    confirmations = fields.Integer()
    leavers = fields.Integer(
        **described("Subscriptions that ended, but for those that a bounce or complaint ended.")
    )
    bounces = fields.Integer(
        **described(
            "Reports of mail APIs, hard and soft. They and complaints are known for 90 days, "
            "those of a single list as long as the email is kept."
        )
    )
    complaints = fields.Integer()


class DaySchema(CountsSchema):
    """What happened on one day (UTC)."""

    day = fields.Date()


class TotalsSchema(CountsSchema):
    """All days together."""

    confirmation_rate = fields.Float(
        allow_none=True,
        **described(
            "Which part (0 to 1) of these days' signups is confirmed by now, a repeated one "
            "counted once; null where there are none."
        ),
    )


class ListStatisticsSchema(Schema):
    """One list."""

    list = fields.String()
    totals = fields.Nested(TotalsSchema)
    days = fields.List(fields.Nested(DaySchema))


class ReportSchema(Schema):
    """What happened, oldest day first: on all lists asked for, and on each of them."""

    at = fields.AwareDateTime(**described("When this was counted, at most 30 seconds ago."))
    since = fields.Date()
    until = fields.Date()
    totals = fields.Nested(TotalsSchema)
    days = fields.List(fields.Nested(DaySchema))
    lists = fields.List(fields.Nested(ListStatisticsSchema))


@stats_api.get("")
@requires(Role.ADMIN, Role.EXPORT)
@stats_api.arguments(StatsQuerySchema, location="query")
@stats_api.response(200, ReportSchema)
@stats_api.alt_response(404, description="There is no such list.")
def stats(query: dict[str, Any]) -> Report:
    """Count signups, confirmations, leavers, bounces and complaints by day and list.

    A key for some lists counts those. A mail for several lists that bounced counts once in all, and
    once on each of them.
    """
    return services().statistics.report(**query, scope=current_key().list_ids)
