"""Statistics of lists, day by day."""

from marshmallow import Schema, fields

from service.schemas.fields import SLUG, described
from service.usecases.operations.statistics import MAX_DAYS, USUAL_DAYS


class StatsQuerySchema(Schema):
    """Which days, and which list."""

    list = fields.String(**SLUG, **described("Only this list."))
    since = fields.Date(**described(f"The first day (UTC). Default: {USUAL_DAYS} days in all."))
    until = fields.Date(
        **described(f"The last day. Default: today. At most {MAX_DAYS} days in all.")
    )


class CountsSchema(Schema):
    """Counts."""

    signups = fields.Integer(**described("Requests, including repeated ones."))
    confirmations = fields.Integer()
    leavers = fields.Integer(
        **described(
            "Unsubscribes: ended subscriptions, without those that a bounce or complaint ended."
        )
    )
    bounces = fields.Integer(
        **described(
            "Reports of mail APIs, hard and soft. They and complaints are known for 90 days, "
            "those of a single list as long as the email is kept."
        )
    )
    complaints = fields.Integer()


class DaySchema(CountsSchema):
    """Counts of one day (UTC)."""

    day = fields.Date()


class TotalsSchema(CountsSchema):
    """Counts of all days together."""

    confirmation_rate = fields.Float(
        allow_none=True,
        **described(
            "Which part (0 to 1) of these days' signups is confirmed by now, a repeated one "
            "counted once; null where there are none."
        ),
    )


class ListStatisticsSchema(Schema):
    """Counts of one list."""

    list = fields.String()
    totals = fields.Nested(TotalsSchema)
    days = fields.List(fields.Nested(DaySchema))


class ReportSchema(Schema):
    """Counts, oldest day first: of all lists asked for together, and of each."""

    at = fields.AwareDateTime(**described("When this was counted, at most 30 seconds ago."))
    since = fields.Date()
    until = fields.Date()
    totals = fields.Nested(TotalsSchema)
    days = fields.List(fields.Nested(DaySchema))
    lists = fields.List(fields.Nested(ListStatisticsSchema))
