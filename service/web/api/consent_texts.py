"""Consent texts, for administrators: which words each version of a list's text has."""

from typing import Any

from service.domain.access.roles import Role
from service.schemas.lists import (
    ConsentTextCreateSchema,
    ConsentTextSchema,
    ConsentTextsSchema,
)
from service.web.http.auth import actor, requires
from service.web.http.context import services
from service.web.http.json_body import JsonBlueprint

consent_texts_api = JsonBlueprint(
    "consent-texts",
    __name__,
    url_prefix="/v1/lists",
    description="Consent texts, by version",
)


@consent_texts_api.get("/<slug>/consent-texts")
@requires(Role.ADMIN)
@consent_texts_api.response(200, ConsentTextsSchema)
@consent_texts_api.alt_response(404, description="There is no such list.")
def consent_texts(slug: str) -> dict[str, Any]:
    """List a list's own consent texts. Version 1 is the built-in one, which is not among them."""
    return {"consent_texts": services().consent_texts.of_list(slug)}


@consent_texts_api.post("/<slug>/consent-texts")
@requires(Role.ADMIN)
@consent_texts_api.arguments(ConsentTextCreateSchema)
@consent_texts_api.response(201, ConsentTextSchema)
@consent_texts_api.alt_response(404, description="There is no such list.")
def add_consent_text(data: dict[str, Any], slug: str) -> Any:
    """Publish a consent text. Earlier texts keep their versions."""
    return services().consent_texts.add(
        slug, locale=data.get("locale"), text=data["text"], actor=actor()
    )
