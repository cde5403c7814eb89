"""`/v1/retention`: how long what is kept, and what went."""

from service.domain.access import Role
from service.usecases.retention import RetentionView
from service.web.admin.schemas import RetentionSchema
from service.web.auth import requires
from service.web.context import usecases
from service.web.json_body import JsonBlueprint

retention_api = JsonBlueprint(
    "retention", __name__, url_prefix="/v1/retention", description="How long what is kept"
)


@retention_api.get("")
@requires(Role.ADMIN)
@retention_api.response(200, RetentionSchema)
def retention() -> RetentionView:
    """Show the rules and what they last removed."""
    return usecases().retention.show()
