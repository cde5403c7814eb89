"""The first page: figures of the lists, and whether emails go out."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from service.domain.delivery.retry import SendOutcome
from service.domain.subscription import Status
from service.mail.registry import names_in_use
from service.usecases.operations.causes import causes
from service.usecases.operations.statistics import COUNTED
from service.web.console.access.session import signed_in
from service.web.console.blueprint import admin_pages
from service.web.console.charts import daily_chart, share
from service.web.http.context import services

PERIODS = (30, 90)


@admin_pages.get("")
@signed_in
def dashboard() -> ResponseReturnValue:
    """Show the last 30 or 90 days, list by list how many there are, and the state of delivery."""
    asked = request.args.get("days", type=int)
    days = asked if asked in PERIODS else PERIODS[0]
    period = services().statistics.period(days)
    figures = services().metrics()
    return render_template(
        "admin/dashboard.html",
        days=days,
        periods=PERIODS,
        period=period,
        chart=daily_chart(period.days),
        totals={name: sum(getattr(day, name) for day in period.days) for name in COUNTED},
        share=share,
        figures=figures,
        causes=[
            cause
            for cause in causes(
                figures,
                public_url=services().settings.public_url,
                providers=names_in_use(services().settings.mail_urls),
            )
            if cause.name != "sender_refused"
        ],
        lists=[
            (info, {status: figures.subscriptions.get((info.slug, status), 0) for status in Status})
            for info in services().lists.all()
        ],
        SendOutcome=SendOutcome,
    )
