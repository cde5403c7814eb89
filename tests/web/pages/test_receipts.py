"""Consent over HTTP: which words are shown, which are agreed to, and the proof to take away."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest
from sqlalchemy import select, update

from service.app import create_app, services_of
from service.signing import PublicKey
from service.store.delivery.outbox import scope_of
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscription
from service.tokens import Tokens
from service.usecases.ledger.verify import VerifyReceipts

FORM = "/subscribe/news-flash"
TEXTS = "/v1/lists/news-flash/consent-texts"
KEYS = "/.well-known/newsflash-receipts.json"
OLD_KEY = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
OLD_PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


@pytest.fixture
def database_url(sqlite_url):
    """What is answered does not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def admin(services):
    return {"Authorization": f"Bearer {services.keys.create('admin', 'admin', actor='test')}"}


@pytest.fixture
def links(app, client, settings):
    """The confirm and unsubscribe paths of a fresh signup."""
    client.post(FORM, data={"email": "reader@example.org"})
    with app.app_context():
        message = db.session.execute(select(OutboxMessage)).scalar_one()
    scope = scope_of(message.subscriber_id, message.refs)
    tokens = Tokens.from_keys(settings.secret_keys)
    return {
        "confirm": f"/confirm/{tokens.confirm.issue(scope, at=message.created_at)}",
        "unsubscribe": f"/unsubscribe/{tokens.unsubscribe.issue(scope, at=message.created_at)}",
    }


def shown_text(page: str) -> str:
    found = re.search(r'name="consent_text" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def receipt_link(page: str) -> str | None:
    found = re.search(r'href="(/receipt/[^"]+)"', page)
    return unescape(found[1]) if found else None


def agreed(app) -> str | None:
    with app.app_context():
        return db.session.execute(select(Subscription)).scalar_one().consent_text_version


def test_form_embed_and_confirm_page_show_the_current_text_and_say_which(
    app, client, services, links
):
    assert shown_text(client.get(FORM).text).endswith(":1")
    assert "By subscribing, you agree to receive News Flash" in client.get(links["confirm"]).text
    services.consent_texts.add(
        "news-flash", locale=None, text="Yes, <b>all</b>.\nAlways.", actor="t"
    )
    words = "Yes, &lt;b&gt;all&lt;/b&gt;.<br>Always."
    for page in (client.get(FORM).text, client.get(links["confirm"]).text):
        assert words in page
        assert shown_text(page).endswith(":2")
    script = client.get("/embed/news-flash.js").text
    assert "Always." in script
    assert f'value: "{shown_text(client.get(FORM).text)}"' in script


def test_a_form_agrees_to_the_text_that_it_showed_and_confirming_to_its_pages(
    app, client, services, links
):
    form = client.get(FORM).text
    services.consent_texts.add("news-flash", locale=None, text="New words.", actor="test")
    client.post(FORM, data={"email": "reader@example.org", "consent_text": shown_text(form)})
    assert agreed(app) == "1"
    page = client.get(links["confirm"]).text
    client.post(links["confirm"], data={"consent_text": shown_text(page)})
    assert agreed(app) == "2"


@pytest.mark.parametrize("given", ["", ":", "x:1", "{id}:99", "{id}", "{id}:1:2", "{id}:\x00"])
def test_a_made_up_text_counts_as_the_current_one(given, app, client, services):
    services.consent_texts.add("news-flash", locale=None, text="New words.", actor="test")
    value = given.format(id=services.lists.get("news-flash").id)
    response = client.post(FORM, data={"email": "reader@example.org", "consent_text": value})
    assert response.status_code == 303
    assert agreed(app) == "2"


def test_the_proof_is_offered_once_something_is_agreed_to(app, client, settings, links):
    assert receipt_link(client.get(links["confirm"]).text) is None
    confirmed = client.post(links["confirm"]).text
    services_of(app).seal_ledger.run_once()
    for page in (
        confirmed,
        client.get(links["confirm"]).text,
        client.get(links["unsubscribe"]).text,
        client.post(links["unsubscribe"]).text,
    ):
        link = receipt_link(page)
        assert link is not None
        answer = client.get(link)
        assert answer.status_code == 200
        assert answer.mimetype == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        receipt = json.loads(answer.text)
        [key] = PublicKey.parse(client.get(KEYS).text)
        assert key.signed(receipt)
        kinds = [each["entry"]["event"]["kind"] for each in receipt["entries"]]
        assert kinds == ["requested", "confirmed"]


def test_a_receipt_link_is_no_other_link_and_none_other_is_it(client, links):
    page = client.post(links["confirm"]).text
    token = str(receipt_link(page)).removeprefix("/receipt/")
    assert client.get(f"/unsubscribe/{token}").status_code == 404
    assert (
        client.get(f"/receipt/{links['unsubscribe'].removeprefix('/unsubscribe/')}").status_code
        == 404
    )
    assert client.get(f"/receipt/{token[:-1]}").status_code == 404


def test_the_public_key_is_published(client):
    answer = client.get(KEYS)
    assert answer.mimetype == "application/jwk-set+json"
    (key,) = answer.get_json(force=True)["keys"]
    assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert set(key) == {"kty", "crv", "x", "kid", "alg", "use"}


@pytest.mark.parametrize("old", [OLD_KEY, f"public:{OLD_PUBLIC}"])
def test_after_a_change_of_keys_what_the_old_one_signed_is_checked_as_before(
    old, app, client, settings, links, tmp_path
):
    """With the published keys: the receipt and checkpoint from before, and the new ones."""
    services_of(app).seal_ledger.run_once()
    link = receipt_link(client.post(links["confirm"]).text)
    before, kept = tmp_path / "before.json", tmp_path / "checkpoint.json"
    before.write_text(client.get(link).text)
    kept.write_text(json.dumps(services_of(app).receipts.checkpoint()))

    changed = replace(settings, receipt_key="n" * 40, receipt_key_fallbacks=(old,))
    later = create_app(changed)
    try:
        published = later.test_client().get(KEYS)
        after, ledger = tmp_path / "after.json", tmp_path / "ledger.ndjson"
        after.write_text(later.test_client().get(link).text)
        lines = services_of(later).receipts.export(with_personal=False)
        ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    finally:
        services_of(later).close()

    keys = PublicKey.parse(published.text)
    assert len(keys) == 2
    assert keys[1].x == OLD_PUBLIC
    assert settings.receipt_key not in published.text
    signed_by = [json.loads(path.read_text())["signature"]["kid"] for path in (after, before, kept)]
    assert signed_by == [keys[0].kid, keys[1].kid, keys[1].kid]
    verify = VerifyReceipts(public_keys=keys, kept=[before, kept])
    for path in (before, kept, after, ledger):
        assert verify(path).findings == [], path.name
    unpublished = VerifyReceipts(public_keys=keys[:1], kept=[kept])(ledger).findings
    assert [found.kind for found in unpublished] == ["signature"]


def test_an_administrator_gets_anyones_receipt_and_it_is_noted(app, client, services, admin, links):
    with app.app_context():
        person = db.session.execute(select(ConsentEvent.subscriber_id)).scalar_one()
    path = f"/v1/subscribers/{person}/receipt"
    assert client.get(path).status_code == 401
    answer = client.get(path, headers=admin)
    assert answer.status_code == 200
    assert answer.get_json()["subscriber"] == {"id": str(person), "email": "reader@example.org"}
    assert len(answer.get_json()["unsealed"]) == 1
    assert answer.headers["Cache-Control"] == "no-store"
    [key] = PublicKey.parse(client.get(KEYS).text)
    assert key.signed(answer.get_json())
    gone = client.get("/v1/subscribers/00000000-0000-0000-0000-000000000000/receipt", headers=admin)
    assert gone.status_code == 404


def test_texts_are_added_and_listed_over_the_api(client, admin):
    assert client.get(TEXTS).status_code == 401
    assert client.get(TEXTS, headers=admin).get_json() == {"consent_texts": []}
    made = client.post(TEXTS, headers=admin, json={"text": "Ja.", "locale": "de"})
    assert made.status_code == 201
    assert (made.get_json()["version"], made.get_json()["locale"]) == ("2", "de")
    listed = client.get(TEXTS, headers=admin).get_json()["consent_texts"]
    assert listed == [made.get_json()]
    assert client.get("/v1/lists/none/consent-texts", headers=admin).status_code == 404
    for wrong in ({}, {"text": ""}, {"text": " \n "}, {"text": "a\x00"}, {"text": "x" * 4001}):
        assert client.post(TEXTS, headers=admin, json=wrong).status_code == 422
    wrong = {"text": "Ja.", "locale": "not a tag"}
    assert client.post(TEXTS, headers=admin, json=wrong).status_code == 422


def test_a_tampered_event_shows_in_the_receipt(app, client, settings, links, tmp_path):
    link = str(receipt_link(client.post(links["confirm"]).text))
    services_of(app).seal_ledger.run_once()
    with services_of(app).engine.begin() as connection:
        connection.execute(update(ConsentEvent).values(email="eve@example.org"))
    path = tmp_path / "receipt.json"
    path.write_text(client.get(link).text)
    assert [each.message for each in VerifyReceipts()(path).findings] == [
        f"entry {position} was changed: its email is not the one that was sealed"
        for position in (1, 2)
    ]
