"""Whatever an administrator may do by HTTP, the command line does too."""

import click
import pytest
from flask import Flask

from service.cli import main
from tests.cli.commands import commands_of

COMMANDS = {
    "GET /v1/audit": "audit",
    "GET /v1/exports": "exports list",
    "GET /v1/exports/<uuid:export_id>": "exports show",
    "GET /v1/held": "held list",
    "POST /v1/held/<uuid:held_id>/drop": "held drop",
    "POST /v1/held/<uuid:held_id>/release": "held release",
    "GET /v1/keys": "keys list",
    "POST /v1/keys": "keys create",
    "DELETE /v1/keys/<name>": "keys revoke",
    "GET /v1/lists": "lists show",
    "POST /v1/lists": "lists create",
    "GET /v1/lists/<slug>": "lists show",
    "PATCH /v1/lists/<slug>": "lists change",
    "GET /v1/lists/<slug>/consent-texts": "consent-texts show",
    "POST /v1/lists/<slug>/consent-texts": "consent-texts add",
    "GET /v1/outbox": "outbox list",
    "POST /v1/outbox/<uuid:message_id>/retry": "outbox retry",
    "GET /v1/retention": "retention show",
    "GET /v1/stats": "stats",
    "GET /v1/subscribers": "subscribers list",
    "GET /v1/subscribers/<uuid:subscriber_id>": "subscribers show",
    "PATCH /v1/subscribers/<uuid:subscriber_id>": "subscribers change",
    "DELETE /v1/subscribers/<uuid:subscriber_id>": "subscribers erase",
    "GET /v1/subscribers/<uuid:subscriber_id>/data": "subscribers data",
    "GET /v1/subscribers/<uuid:subscriber_id>/receipt": "subscribers receipt",
    "GET /v1/subscribers/export": "subscribers export",
    "POST /v1/subscribers/import": "subscribers import",
    "GET /v1/suppressions": "suppressions list",
    "POST /v1/suppressions": "suppressions add",
    "DELETE /v1/suppressions/<address_hash>": "suppressions lift",
    "GET /v1/webhooks": "webhooks show",
    "POST /v1/webhooks": "webhooks create",
    "GET /v1/webhooks/<uuid:webhook_id>": "webhooks show",
    "PATCH /v1/webhooks/<uuid:webhook_id>": "webhooks change",
    "DELETE /v1/webhooks/<uuid:webhook_id>": "webhooks delete",
    "GET /v1/webhooks/<uuid:webhook_id>/attempts": "webhooks attempts",
}
FOR_OTHERS = ("/v1/subscriptions", "/v1/events/")
"""What visitors' forms and mail APIs call."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_call_of_an_administrator_has_its_command(app: Flask):
    calls = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/") and not rule.rule.startswith(FOR_OTHERS)
    }
    assert set(COMMANDS) == calls


@pytest.mark.parametrize("words", sorted(set(COMMANDS.values())))
def test_the_command_is_there_and_reads_as_json_where_it_shows_something(words: str):
    command: click.Command = main
    for word in words.split():
        assert isinstance(command, click.Group)
        command = commands_of(command)[word]
    options = {name for parameter in command.params for name in parameter.opts}
    if words.endswith((" list", " show", " change", "audit", "stats", " attempts")):
        assert "--json" in options or words == "exports show"  # which prints nothing else
