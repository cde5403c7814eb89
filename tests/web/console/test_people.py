"""The admin pages about people: finding, ending, erasing, suppressing, holding, files, the log."""

import base64
import io
import re
import sys

import pytest
from sqlalchemy import select

from service.clock import utc_now
from service.domain.address import parse_address
from service.domain.consent import Evidence
from service.domain.errors import NotFoundError
from service.domain.signup.risk import Reason, Risk
from service.store.signup.held import Held, commit_with_held
from service.store.signup.signups import Signup
from service.store.tables.access import AuditEntry
from service.store.tables.base import db
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Subscription
from service.store.types import new_id
from service.usecases.signup.subscribe import SignupRequest
from tests.web.console.steps import Admin, first


@pytest.fixture
def database_url(sqlite_url):
    """The pages do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def admin(client, services):
    return Admin.sign_in(client, services)


@pytest.fixture
def people(app, services):
    """Sign some people up and return their ids by name."""
    services.lists.create(slug="product", name="Product updates", actor="test")
    for name, slug in (("ada", "news-flash"), ("bob", "product"), ("eve", "news-flash")):
        services.subscribe(
            SignupRequest(
                email=f"{name}@example.org",
                lists=(slug,),
                name=f"{name.title()} <b>",
                evidence=Evidence(source="https://site.example"),
            )
        )
    with app.app_context():
        rows = db.session.execute(select(Subscriber.email, Subscriber.id))
        return {email.partition("@")[0]: person for email, person in rows}


def audited(app):
    with app.app_context():
        entries = db.session.execute(select(AuditEntry).order_by(AuditEntry.id)).scalars()
        return [
            (each.actor, each.action, each.detail)
            for each in entries
            if each.actor != "test" and each.action != "session.opened"
        ]


def found(page):
    return re.findall(r">(\w+)@example.org</a>", page)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["ada", "bob", "eve"]),
        ("q=BOB", ["bob"]),
        ("q=nobody", []),
        ("list=product", ["bob"]),
        ("list=news-flash&status=pending", ["ada", "eve"]),
        ("status=confirmed", []),
        ("status=nonsense", ["ada", "bob", "eve"]),
    ],
)
def test_people_are_found_by_text_list_and_status(admin, people, query, names):
    page = admin.get(f"/admin/subscribers?{query}")
    assert found(page) == names
    assert "<b>" not in page


def test_pages_go_on_with_what_was_asked_for(admin, people, monkeypatch):
    monkeypatch.setattr(sys.modules["service.web.console.subscribers"], "PAGE", 1)
    page = admin.get("/admin/subscribers?list=news-flash&_external=1&_anchor=x")
    seen = found(page)
    link = first(r'href="([^"]+cursor=[^"]+)"', page).replace("&amp;", "&")
    assert link.startswith("/admin/subscribers?list=news-flash&cursor=")
    seen += found(page := admin.get(link))
    assert seen == ["ada", "eve"]
    assert "Next page" not in page


def test_a_wrong_cursor_or_list_is_told(client, admin, people):
    assert client.get("/admin/subscribers?cursor=x").status_code == 422
    assert client.get("/admin/subscribers?list=nothing").status_code == 404


def test_a_person_is_shown_with_all_that_is_known_and_escaped(admin, people):
    page = admin.get(f"/admin/subscribers/{people['ada']}")
    for text in ("ada@example.org", "Ada &lt;b&gt;", "News Flash", "https://site.example"):
        assert text in page
    assert "requested" in page


def test_taking_somebody_off_a_list_is_the_persons_end_and_in_ledger_and_log(app, admin, people):
    path = f"/admin/subscribers/{people['ada']}/end"
    answer = admin.post(path, list="news-flash")
    assert answer.location == f"/admin/subscribers/{people['ada']}?done=ended"
    admin.post(path, list="news-flash")  # again changes nothing
    with app.app_context():
        held = db.session.execute(
            select(Subscription).where(Subscription.subscriber_id == people["ada"])
        ).scalar_one()
        last = db.session.execute(
            select(ConsentEvent.source, ConsentEvent.detail).where(
                ConsentEvent.kind == "unsubscribed"
            )
        ).one()
    assert (held.status, held.ended_reason) == ("unsubscribed", "admin")
    assert tuple(last) == ("administrator", "admin")
    assert audited(app) == [("key:ada", "subscription.ended", {"list": "news-flash"})]
    assert admin.post(path, list="product").status_code == 404
    assert admin.post(path, list="nothing").status_code == 404


def test_erasing_takes_the_address_typed(app, services, admin, people):
    path = f"/admin/subscribers/{people['ada']}/erase"
    for wrong in ("", "bob@example.org"):
        answer = admin.post(path, address=wrong)
        assert answer.status_code == 422
        assert "This is not the person&#39;s address." in answer.get_data(as_text=True)
    assert services.subscribers.get(people["ada"])
    assert admin.post(path, address=" ADA@example.org").status_code == 303
    with pytest.raises(NotFoundError):
        services.subscribers.get(people["ada"])
    assert admin.post(path, address="ada@example.org").status_code == 404
    assert audited(app) == [("key:ada", "subscriber.erased", None)]
    assert "erased person" in admin.get("/admin/suppressions?email=ada@example.org")


def test_an_address_is_suppressed_found_and_let_go(app, admin):
    assert admin.post("/admin/suppressions", email="x").status_code == 422
    answer = admin.post("/admin/suppressions", email="Ada@example.org", note="asked by phone")
    assert answer.location == "/admin/suppressions?done=added"
    page = admin.get("/admin/suppressions?email=ada@EXAMPLE.org")
    assert "asked by phone" in page
    hashed = first(r'name="address_hash" value="(\w{64})"', page)
    assert "not suppressed" in admin.get("/admin/suppressions?email=bob@example.org")
    answer = admin.post("/admin/suppressions/lift", address_hash=hashed, reason="manual")
    assert answer.location == "/admin/suppressions?done=lifted"
    assert (
        admin.post("/admin/suppressions/lift", address_hash=hashed, reason="erased").status_code
        == 409
    )
    assert [each[1] for each in audited(app)] == ["suppression.added", "suppression.lifted"]


def test_an_address_that_is_none_is_told_at_the_search(client, admin):
    answer = client.get("/admin/suppressions?email=nobody")
    assert answer.status_code == 422
    assert 'id="search-error"' in answer.get_data(as_text=True)


def test_an_export_is_the_file_asked_for_and_audited(app, admin, people):
    answer = admin.post(
        "/admin/export", format="csv", list="product", columns=["list", "email"], status=""
    )
    assert answer.get_data(as_text=True) == "list,email\nproduct,bob@example.org\n"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="product-')
    assert answer.headers["Cache-Control"] == "no-store"
    lines = admin.post("/admin/export", format="ndjson", since="2026-01-01").get_data(as_text=True)
    assert len(lines.splitlines()) == 3
    assert [each[1] for each in audited(app)] == ["subscribers.exported"] * 2


def test_an_export_for_a_tool_says_what_it_is_for_and_is_told_of(app, services, admin, people):
    answer = admin.post(
        "/admin/export", format="csv", preset="mailchimp", status="pending", purpose="The move"
    )
    assert answer.get_data(as_text=True).startswith("Email Address,First Name,Last Name\n")
    page = admin.get("/admin/export")
    assert "The move" in page
    assert "csv, mailchimp" in page
    manifest = services.exports.page(limit=1).items[0]
    assert manifest.rows == 3
    assert manifest.sha256 in page
    assert admin.post("/admin/export", format="xlsx").get_data().startswith(b"PK")
    answer = admin.post("/admin/export", format="ndjson", bom="1")
    assert answer.status_code == 422
    assert 'id="bom-error"' in answer.get_data(as_text=True)


def test_a_person_gets_all_their_data_as_a_file(app, admin, people):
    answer = admin.post(f"/admin/subscribers/{people['ada']}/data")
    assert answer.json["email"] == "ada@example.org"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert audited(app) == [("key:ada", "subscriber.data_given", None)]


def test_a_wrong_export_is_explained_and_nothing_is_audited(app, client, admin):
    for given, field in (({"since": "yesterday"}, "since"), ({"columns": ["secret"]}, "columns")):
        answer = admin.post("/admin/export", **given)
        assert answer.status_code == 422, field
        assert f'id="{field}-error"' in answer.get_data(as_text=True)
    assert admin.post("/admin/export", list="nothing").status_code == 404
    assert client.get("/admin/export").mimetype == "text/html"
    assert audited(app) == []


def upload(admin, text, name="people.csv", **data):
    return admin.post("/admin/import", file=(io.BytesIO(text.encode()), name), **data)


def test_an_import_tells_what_became_of_each_row(app, services, admin):
    answer = upload(
        admin,
        "email,status,consent_at,consent_source\n"
        "ada@example.org,confirmed,2026-01-01T00:00:00Z,paper\n"
        "nobody,pending,,\n"
        "bob@example.org,confirmed,tomorrow,\n",
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<strong>3</strong> rows" in page
    assert "<strong>1</strong> imported" in page
    assert "<strong>2</strong> invalid" in page
    assert services.subscribers.page(limit=9, text="ada").items
    encoded = first(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', page)
    problems = base64.b64decode(encoded).decode().splitlines()
    assert problems[0] == "line,column,problem"
    assert [each.split(",")[0] for each in problems[1:]] == ["3", "4"]
    ((actor, action, detail),) = audited(app)
    assert (actor, action) == ("key:ada", "subscribers.imported")
    assert (detail["list"], detail["left"], detail["rows"]) == (None, False, 3)


def test_a_file_of_those_who_left_says_so_on_the_page_and_in_the_log(app, admin):
    page = upload(admin, "email\nada@example.org\n", left="1", list="news-flash").text
    assert "<strong>1</strong> unsubscribed" in page
    assert "</strong> imported" not in page
    ((_actor, _action, detail),) = audited(app)
    assert (detail["list"], detail["left"]) == ("news-flash", True)


def test_a_trial_tells_what_an_import_would_do_and_does_nothing(app, services, admin):
    text = "email,status\nada@example.org,pending\nnobody,pending\n"
    page = upload(admin, text, **{"try": "1"}).get_data(as_text=True)
    assert "nothing has changed" in page
    assert "<strong>1</strong> imported" in page
    assert services.subscribers.page(limit=9).items == []
    assert audited(app) == []
    upload(admin, text)
    assert len(services.subscribers.page(limit=9).items) == 1


def test_an_import_asks_whom_nothing_proves_and_tells_of_every_row(services, admin):
    services.lists.create(slug="product", name="Product", actor="test")
    text = "email,status\nada@example.org,confirmed\nnobody,pending\n"
    answer = upload(admin, text, list="product", rows="1")
    assert answer.mimetype == "text/csv"
    told = answer.get_data(as_text=True).splitlines()
    answer.close()
    assert [line.split(",")[:2] for line in told] == [
        ["line", "outcome"],
        ["3", "bad"],
        ["2", "asked"],
    ]
    assert len(services.subscribers.page(limit=9, list="product").items) == 1
    page = upload(admin, text.replace("ada", "eve")).get_data(as_text=True)
    assert "<strong>1</strong> sent a confirmation email" in page
    assert upload(admin, text, list="nothing").status_code == 404


def test_an_import_may_be_longer_than_any_other_form(admin):
    lines = "".join(f"reader{place}@example.org,pending\n" for place in range(15_000))
    answer = upload(admin, f"email,status\n{lines}")
    assert answer.status_code == 200
    assert "<strong>15,000</strong> imported" in answer.get_data(as_text=True)


def test_any_other_form_that_is_too_long_is_told_so(admin):
    answer = admin.post("/admin/keys", name="x" * 300_000, role="signup")
    assert answer.status_code == 413
    assert "The form or file is larger than the service accepts." in answer.get_data(as_text=True)


def test_a_file_that_is_none_is_told_and_ndjson_is_read(admin):
    assert admin.post("/admin/import").status_code == 422
    assert upload(admin, "nothing,of,ours\n").status_code == 422
    page = upload(admin, '{"email": "ada@example.org", "status": "pending"}\n', "a.ndjson")
    assert "<strong>1</strong> imported" in page.get_data(as_text=True)


def hold(engine, services):
    """Hold a signup for review and return its id."""
    signup = Signup(
        message_id=new_id(),
        address=parse_address("bot@example.org"),
        list_ids=(services.lists.get("news-flash").id,),
        at=utc_now(),
        evidence=Evidence(source="https://site.example"),
    )
    commit_with_held(engine, [], [Held(signup=signup, risk=Risk(90, (Reason.DISPOSABLE,)))])
    return signup.message_id


def test_a_held_signup_is_let_through_or_dropped(app, engine, services, admin):
    first_id, second_id = hold(engine, services), hold(engine, services)
    page = admin.get("/admin/held")
    assert page.count("bot@example.org</th>") == 2
    assert "disposable email address" in page
    assert admin.post(f"/admin/held/{first_id}/drop").location == "/admin/held?done=dropped"
    assert services.subscribers.page(limit=9).items == []
    assert admin.post(f"/admin/held/{second_id}/release").location == "/admin/held?done=released"
    assert len(services.subscribers.page(limit=9).items) == 1
    assert admin.post(f"/admin/held/{second_id}/release").status_code == 404
    assert "Nothing to review." in admin.get("/admin/held")
    assert [each[1] for each in audited(app)] == ["held.dropped", "held.released"]


def test_the_log_tells_who_did_what(admin):
    admin.post("/admin/keys", name="site", role="signup")
    page = admin.get("/admin/audit")
    assert re.search(r"key:ada</td>\s*<td[^>]*>key.created</td>\s*<td[^>]*>site</td>", page)
    assert "role: signup" in page
    admin.post("/admin/export", format="csv", columns="email")
    page = admin.get("/admin/audit")
    assert "is complete: yes; format: csv; columns: email; rows: 0" in page
