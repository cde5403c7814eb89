"""`/v1/exports`: the manifests of exports. A key sees its own, one of an administrator all."""

from typing import Any
from uuid import UUID

from service.domain.access.roles import Role
from service.schemas.files import ManifestSchema, ManifestsSchema
from service.schemas.paging import PageSchema
from service.usecases.files.manifests import Manifest
from service.usecases.paging import Page
from service.web.http.auth import actor, current_key, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

exports_api = JsonBlueprint(
    "exports", __name__, url_prefix="/v1/exports", description="Past exports"
)


@exports_api.get("")
@requires(Role.EXPORT)
@exports_api.arguments(PageSchema, location="query")
@exports_api.response(200, ManifestsSchema)
def exports(page: dict[str, Any]) -> Page[Manifest]:
    """List exports, newest first."""
    return services().exports.page(**page, actor=_only_of())


@exports_api.get("/<uuid:export_id>")
@requires(Role.EXPORT)
@exports_api.response(200, ManifestSchema)
@exports_api.alt_response(404, description="There is no such export.")
def export_manifest(export_id: UUID) -> Manifest:
    """Show an export's manifest. It is complete once the file is."""
    return services().exports.get(export_id, actor=_only_of())


def _only_of() -> str | None:
    return None if current_key().role is Role.ADMIN else actor()
