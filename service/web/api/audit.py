"""`/v1/audit`: what administrators did."""

from typing import Any

from service.domain.access.audit import AuditRecord
from service.domain.access.roles import Role
from service.schemas.access import AuditSchema
from service.schemas.paging import PageSchema
from service.usecases.paging import Page
from service.web.http.auth import requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

audit_api = JsonBlueprint(
    "audit", __name__, url_prefix="/v1/audit", description="What administrators did"
)


@audit_api.get("")
@requires(Role.ADMIN)
@audit_api.arguments(PageSchema, location="query")
@audit_api.response(200, AuditSchema)
def entries(page: dict[str, Any]) -> Page[AuditRecord]:
    """List entries, newest first."""
    return services().audit.page(**page)
