"""Every route says who may call it, and openapi.yaml says what the app does."""

from pathlib import Path

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from service.web.contract.openapi import contract_yaml

ROOT = Path(__file__).parents[2]
OPENAPI = ROOT / "openapi.yaml"
PUBLIC = {
    "/",
    "/.well-known/newsflash-receipts.json",
    "/docs",
    "/healthz",
    "/openapi.yaml",
    "/readyz",
    "/static/<path:filename>",
    "/v1/subscriptions",
    "/receipt/<token>",
    "/subscribe/<slug>",
    "/embed/<slug>.js",
    "/status/<token>",
    "/confirm/<token>",
    "/confirm/<token>/renew",
    "/unsubscribe/<token>",
    "/unsubscribe/undo",
    "/unsubscribe/reason",
}
"""Whoever knows the address may call it; a link is its own key."""

OWN_GUARD = ("/admin", "/mailbox", "/metrics", "/v1/events/", "/preferences")
"""Guarded by other means, each tested where it is made: session, loopback, signature, link."""

ID = "0197f000-0000-7000-8000-000000000000"


def rules(app: Flask) -> list[tuple[str, str, str]]:
    return [
        (rule.rule, method, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_route_states_who_may_call_it(app: Flask):
    unstated = []
    for path, method, endpoint in rules(app):
        view = app.view_functions[endpoint]
        of_method = getattr(getattr(view, "view_class", None), method.lower(), None)
        has_auth = any(getattr(each, "auth", None) for each in (view, of_method) if each)
        if not (has_auth or path in PUBLIC or path.startswith(OWN_GUARD)):
            unstated.append(f"{method} {path}")
    assert unstated == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_guarded_route_refuses_a_caller_without_a_key(app: Flask, client: FlaskClient):
    guarded = [
        (path, method)
        for path, method, endpoint in rules(app)
        if path.startswith("/v1/") and path not in PUBLIC and not path.startswith(OWN_GUARD)
    ]
    assert guarded
    for path, method in guarded:
        address = path
        while "<" in address:
            start, _, rest = address.partition("<")
            address = f"{start}{ID}{rest.partition('>')[2]}"
        for headers in (
            {},
            {"Authorization": "Bearer nf_" + "a" * 43},
            {"Authorization": "Basic YTpi"},
        ):
            answer = client.open(address, method=method, headers=headers, json={})
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
            assert answer.content_type == "application/problem+json"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_contract_is_valid_openapi(app: Flask):
    validate(yaml.safe_load(contract_yaml(app)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_contract_speaks_of_every_route_of_the_api(app: Flask):
    stated = {
        (path, method.upper())
        for path, methods in yaml.safe_load(contract_yaml(app))["paths"].items()
        for method in methods
        if method in ("get", "post", "put", "patch", "delete")
    }
    wanted = {
        (path.replace("<uuid:", "{").replace("<", "{").replace(">", "}"), method)
        for path, method, _ in rules(app)
        if path.startswith("/v1/")
    }
    assert wanted - stated == set()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_openapi_yaml_is_the_app(app: Flask):
    """`newsflash openapi > openapi.yaml` makes it anew."""
    assert OPENAPI.read_text() == contract_yaml(app)
