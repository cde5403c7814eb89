"""Every list that comes in pages takes its own cursors, and says the same of any other."""

from html import unescape
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from service.clock import utc_now
from service.store.tables.webhooks import WebhookAttempt
from service.store.types import new_id
from service.usecases.files.export import ExportRequest
from service.usecases.paging import BAD_CURSOR
from tests.scenario import Scenario
from tests.web.console.steps import Admin

ROWS = 3
BAD = ("", "x", "é", "bm8", str(uuid4()), "a" * 5000)
LISTS = {
    "/v1/subscribers": "subscribers",
    "/v1/suppressions": "suppressions",
    "/v1/outbox": "messages",
    "/v1/held": "held",
    "/v1/audit": "entries",
    "/v1/exports": "exports",
    "/v1/webhooks/{webhook}/attempts": "attempts",
}
PAGES = (
    "/admin/subscribers",
    "/admin/suppressions",
    "/admin/mails",
    "/admin/held",
    "/admin/audit",
    "/admin/export",
    "/admin/webhooks/{webhook}",
)


@pytest.fixture
def headers(scenario: Scenario) -> dict[str, str]:
    key = scenario.services.keys.create("api", "admin", actor="test")
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def webhook(scenario: Scenario, client: FlaskClient) -> UUID:
    """Rows of every kind, and the webhook that some are of."""
    for number in range(ROWS):
        scenario.sign_up(f"p{number}@example.org")
        bot = {"email": f"bot{number}@example.org", "website": "x"}
        assert client.post("/v1/subscriptions", json=bot).status_code == 202
        scenario.services.suppressions.add(f"s{number}@example.org", note=None, actor="test")
        for _ in scenario.services.export(ExportRequest(), actor="test"):
            pass
    made: UUID = scenario.services.webhooks.create(
        url="https://example.org/hook", events=(), list_slug=None, actor="test"
    ).info.id
    with scenario.engine.begin() as connection:
        for _ in range(ROWS):
            connection.execute(
                insert(WebhookAttempt).values(
                    id=new_id(),
                    webhook_id=made,
                    event_id=new_id(),
                    type="subscription.confirmed",
                    at=utc_now(),
                    status_code=200,
                    duration_ms=5,
                )
            )
    return made


def test_each_list_is_walked_row_by_row_and_takes_no_cursor_of_another(
    client: FlaskClient, headers: dict[str, str], webhook: UUID
):
    cursors: dict[str, str] = {}
    for path, name in LISTS.items():
        address = path.format(webhook=webhook)
        whole = client.get(address, headers=headers).get_json()
        assert (whole["next_cursor"], len(whole[name]) >= ROWS) == (None, True), path
        rows, asked = [], {"limit": "1"}
        for _ in whole[name]:
            page = client.get(address, headers=headers, query_string=asked).get_json()
            rows += page[name]
            if page["next_cursor"]:
                asked["cursor"] = cursors[path] = page["next_cursor"]
        assert (rows, page["next_cursor"]) == (whole[name], None), path
        exact = client.get(f"{address}?limit={len(rows)}", headers=headers).get_json()
        assert exact["next_cursor"] is None, path
    assert len(cursors) == len(LISTS)
    for path in LISTS:
        for other, cursor in cursors.items():
            answer = client.get(
                path.format(webhook=webhook), headers=headers, query_string={"cursor": cursor}
            )
            assert answer.status_code == (200 if other == path else 422), (path, other)


def test_the_api_says_the_same_of_every_bad_cursor(
    client: FlaskClient, headers: dict[str, str], webhook: UUID, scenario: Scenario
):
    receipt = f"/v1/subscribers/{scenario.person('p0@example.org').id}/receipt"
    token = scenario.tokens.receipt.issue(scenario.scope("p0@example.org"), at=utc_now())
    for path in (*LISTS, receipt, f"/receipt/{token}"):
        for cursor in BAD:
            address = f"{path.format(webhook=webhook)}?cursor={quote(cursor)}"
            answer = client.get(address, headers=headers)
            assert answer.status_code == 422, (address, answer.text)
            [told] = answer.get_json()["errors"]
            assert told == {"pointer": "/cursor", "detail": BAD_CURSOR}, address


def test_the_admin_pages_say_it_too(client: FlaskClient, webhook: UUID, scenario: Scenario):
    admin = Admin.sign_in(client, scenario.services)
    for path in PAGES:
        address = path.format(webhook=webhook)
        assert admin.get(address)
        for cursor in BAD:
            answer = client.get(f"{address}?cursor={quote(cursor)}")
            assert answer.status_code == 422, address
            assert BAD_CURSOR in unescape(answer.text), address
