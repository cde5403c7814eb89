"""`/v1/stats`: figures of each list, day by day."""

from typing import Any

from service.domain.access.roles import Role
from service.schemas.operations import ReportSchema, StatsQuerySchema
from service.usecases.operations.statistics import Report
from service.web.http.auth import current_key, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

stats_api = JsonBlueprint(
    "stats", __name__, url_prefix="/v1/stats", description="Statistics of lists"
)


@stats_api.get("")
@requires(Role.ADMIN, Role.EXPORT)
@stats_api.arguments(StatsQuerySchema, location="query")
@stats_api.response(200, ReportSchema)
@stats_api.alt_response(404, description="There is no such list.")
def stats(query: dict[str, Any]) -> Report:
    """Count signups, confirmations, unsubscribes, bounces and complaints by day and list.

    A key for some lists counts only those. A bounced email for several lists counts once in total,
    and once for each of them.
    """
    return services().statistics.report(**query, scope=current_key().list_ids)
