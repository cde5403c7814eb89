"""The HTTP contract, for programs (`/openapi.yaml`) and for people (`/docs`)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from flask import Blueprint, Flask, Response, current_app, render_template

from service.web.http.auth import SCHEME_NAME
from service.web.http.problems import CONTENT_TYPE

contract_pages = Blueprint("contract", __name__)
METHODS = ("get", "post", "put", "patch", "delete")


def contract_of(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI 3.1 description of the app as it stands."""
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    # By way of JSON, which turns the enums of the schemas into their values.
    described: dict[str, Any] = json.loads(json.dumps(api.spec.to_dict()))
    for response in _errors(described):
        schema = {"$ref": "#/components/schemas/Problem"}
        response["content"] = {CONTENT_TYPE: {"schema": schema}}
    return described


def _errors(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through the API's answers that are problems; flask-smorest takes them for plain JSON."""
    yield from described["components"]["responses"].values()
    for path, item in described["paths"].items():
        for method in METHODS if path.startswith("/v1/") else ():
            for status, response in item.get(method, {}).get("responses", {}).items():
                if "$ref" not in response and (status == "default" or int(status) >= 400):
                    yield response


def contract_yaml(app: Flask) -> str:
    """Return it as YAML."""
    text: str = yaml.safe_dump(contract_of(app), sort_keys=False, allow_unicode=True, width=100)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter or body field, as the page shows it."""

    name: str
    type: str
    is_required: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, as the page shows it."""

    method: str
    path: str
    summary: str
    description: str
    is_guarded: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]


def calls(described: Mapping[str, Any]) -> Iterator[tuple[str, Call]]:
    """Go through all calls of a description, each with the name of its group."""
    for path, item in described["paths"].items():
        for method in METHODS:
            if (operation := item.get(method)) is None:
                continue
            parameters = [
                _resolve(described, each)
                for each in (*item.get("parameters", ()), *operation.get("parameters", ()))
            ]
            content = operation.get("requestBody", {}).get("content", {})
            schema: Mapping[str, Any] = next(
                (each.get("schema", {}) for each in content.values()), {}
            )
            yield (
                (operation.get("tags") or ["other"])[0],
                Call(
                    method=method.upper(),
                    path=path,
                    summary=operation.get("summary", ""),
                    description=operation.get("description", ""),
                    is_guarded=any(SCHEME_NAME in each for each in operation.get("security", ())),
                    parameters=tuple(
                        _field(
                            each["name"], each.get("schema", {}), each.get("required", False), each
                        )
                        for each in parameters
                    ),
                    body=tuple(_body(described, schema)),
                    answers=tuple(
                        (status, _resolve(described, answer).get("description", ""))
                        for status, answer in operation["responses"].items()
                        if status != "default"
                    ),
                ),
            )


def _body(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Field]:
    resolved = _resolve(described, schema)
    for name, each in resolved.get("properties", {}).items():
        yield _field(name, each, name in resolved.get("required", ()), each)


def _field(
    name: str, schema: Mapping[str, Any], is_required: bool, noted: Mapping[str, Any]
) -> Field:
    kind = schema.get("type", "any")
    kinds = kind if isinstance(kind, list) else [kind]
    return Field(
        name=name,
        type=" or ".join(str(each) for each in kinds),
        is_required=is_required,
        note=noted.get("description") or schema.get("description", ""),
    )


def _resolve(described: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a `$ref` within the description."""
    while (reference := value.get("$ref")) is not None:
        value = described
        for step in reference.removeprefix("#/").split("/"):
            value = value[step]
    return value


@contract_pages.get("/openapi.yaml")
def openapi() -> Response:
    """Serve the contract."""
    return Response(contract_yaml(current_app), content_type="application/yaml; charset=utf-8")


@contract_pages.get("/docs")
def docs() -> str:
    """Show the contract to people: no script, nothing from elsewhere."""
    groups: dict[str, list[Call]] = {}
    for name, call in calls(contract_of(current_app)):
        groups.setdefault(name, []).append(call)
    return render_template("docs.html", groups=groups)
