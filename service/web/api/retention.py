"""`/v1/retention`: how long what is kept, and what went."""

from service.domain.access.roles import Role
from service.schemas.people import RetentionSchema
from service.usecases.people.retention import RetentionView
from service.web.http.auth import requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

retention_api = JsonBlueprint(
    "retention", __name__, url_prefix="/v1/retention", description="Retention periods"
)


@retention_api.get("")
@requires(Role.ADMIN)
@retention_api.response(200, RetentionSchema)
def retention() -> RetentionView:
    """Show the retention periods and the recent deletions."""
    return services().retention.show()
