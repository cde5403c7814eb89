"""What request limits answer, and what they leave alone."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from service.app import create_app, services_of
from service.store.tables.base import db
from service.store.tables.signup import HeldSignup
from tests.redis import running_redis

CALL = "/v1/subscriptions"
FORM = "/subscribe/news-flash"
NONE = {
    "ratelimit_client": (),
    "ratelimit_network": (),
    "ratelimit_list": (),
    "ratelimit_domain": (),
    "ratelimit_overall": (),
}


@pytest.fixture
def database_url(sqlite_url):
    """Limits do not depend on the database: one kind is enough."""
    return sqlite_url


@pytest.fixture
def make_client(settings):
    made = []

    def make(**limits):
        changes = {"ratelimit_enabled": True, "trusted_proxies": 1, **NONE, **limits}
        made.append(create_app(replace(settings, **changes)))
        return made[-1].test_client()

    yield make
    for app in made:
        services_of(app).close()


def _sign_up(client, email="reader@example.org", *, ip="192.0.2.1", path=CALL, **body):
    sent = {"X-Forwarded-For": ip}
    if path == CALL:
        return client.post(path, json={"email": email, **body}, headers=sent)
    return client.post(path, data={"email": email}, headers=sent)


def test_the_client_is_told_what_is_left_of_its_own_limits_only(make_client):
    client = make_client(
        ratelimit_client=((3, 86400), (9, 604_800)), ratelimit_overall=((100, 86400),)
    )
    headers = _sign_up(client).headers
    assert headers["RateLimit-Policy"] == '"client-86400";q=3;w=86400, "client-604800";q=9;w=604800'
    hour, day = headers["RateLimit"].split(", ")
    assert hour.startswith('"client-86400";r=2;t=')
    assert day.startswith('"client-604800";r=8;t=')


def test_one_request_too_many_is_a_problem_that_says_when_to_come_back(make_client):
    client = make_client(ratelimit_client=((2, 86400),))
    assert [_sign_up(client).status_code for _ in range(3)] == [202, 202, 429]
    refused = _sign_up(client)
    assert refused.content_type == "application/problem+json"
    assert refused.json["type"] == "urn:newsflash:problem:too-many-requests"
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    assert "r=0;t=" in refused.headers["RateLimit"]
    assert _sign_up(client, ip="192.0.2.2").status_code == 202


def test_a_person_is_refused_on_a_page(make_client):
    client = make_client(ratelimit_client=((1, 86400),))
    _sign_up(client, path=FORM)
    page = client.post(
        FORM,
        data={"email": "reader@example.org"},
        headers={"X-Forwarded-For": "192.0.2.1", "Accept": "text/html"},
    )
    assert page.status_code == 429
    assert "<h1>Too many requests</h1>" in page.text


def test_the_page_of_an_embedded_form_may_read_the_refusal(make_client):
    client = make_client(ratelimit_client=((1, 86400),))
    headers = {
        "X-Forwarded-For": "192.0.2.1",
        "Accept": "application/json",
        "Origin": "https://site.example",
    }
    client.post(FORM, data={"email": "reader@example.org"}, headers=headers)
    refused = client.post(FORM, data={"email": "reader@example.org"}, headers=headers)
    assert refused.status_code == 429
    assert refused.headers["Access-Control-Allow-Origin"] == "https://site.example"


@pytest.mark.parametrize(
    ("limit", "first", "second", "other"),
    [
        ("ratelimit_network", "192.0.2.1", "192.0.2.9", "192.0.3.1"),
        ("ratelimit_client", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
        ("ratelimit_network", "2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1"),
    ],
)
def test_a_network_counts_as_one(make_client, limit, first, second, other):
    client = make_client(**{limit: ((1, 86400),)})
    assert _sign_up(client, ip=first).status_code == 202
    assert _sign_up(client, ip=second).status_code == 429
    assert _sign_up(client, ip=other).status_code == 202


def test_lists_domains_and_all_together_have_limits_of_their_own(make_client):
    client = make_client(ratelimit_domain=((1, 86400),))
    assert _sign_up(client, "a@example.org", ip="192.0.2.1").status_code == 202
    assert _sign_up(client, "b@EXAMPLE.org", ip="198.51.100.1").status_code == 429
    assert _sign_up(client, "b@example.com", ip="198.51.100.1").status_code == 202
    client = make_client(ratelimit_list=((1, 86400),))
    assert _sign_up(client, ip="192.0.2.1").status_code == 202
    assert _sign_up(client, ip="198.51.100.1", lists=["news-flash"]).status_code == 429
    client = make_client(ratelimit_overall=((1, 86400),))
    assert _sign_up(client, ip="192.0.2.1").status_code == 202
    refused = _sign_up(client, "b@example.com", ip="198.51.100.1")
    assert refused.status_code == 429
    assert "RateLimit" not in refused.headers


def test_an_unknown_list_gets_no_counter(make_client):
    client = make_client(ratelimit_list=((1, 86400),))
    for _ in range(3):
        assert _sign_up(client, lists=["made-up"]).status_code == 404


def test_a_header_from_a_client_that_no_proxy_wrote_is_not_believed(settings):
    limited = replace(
        settings, ratelimit_enabled=True, **{**NONE, "ratelimit_client": ((1, 86400),)}
    )
    app = create_app(limited)
    client = app.test_client()
    assert _sign_up(client, ip="192.0.2.1").status_code == 202
    assert _sign_up(client, ip="192.0.2.2").status_code == 429
    services_of(app).close()


def test_of_many_proxies_headers_only_the_trusted_ones_count(make_client):
    client = make_client(ratelimit_client=((1, 86400),))
    assert _sign_up(client, ip="192.0.2.1").status_code == 202
    assert _sign_up(client, ip="203.0.113.9, 192.0.2.1").status_code == 429


def test_behind_two_proxies_the_outer_ones_word_counts_and_no_clients(make_client):
    client = make_client(ratelimit_client=((1, 86400),), trusted_proxies=2)
    inner = "10.0.0.2"
    assert _sign_up(client, ip=f"192.0.2.1, {inner}").status_code == 202
    assert _sign_up(client, ip=f"203.0.113.9, 192.0.2.1, {inner}").status_code == 429
    assert _sign_up(client, ip=f"203.0.113.9, 192.0.2.1,{inner}").status_code == 429
    assert _sign_up(client, ip=f"192.0.2.2, {inner}").status_code == 202
    # Whoever reaches the inner proxy without the outer one is counted as that proxy.
    assert _sign_up(client, ip="203.0.113.9").status_code == 202
    assert _sign_up(client, ip="203.0.113.10").status_code == 429


def test_a_wrong_address_counts_like_a_right_one(make_client):
    client = make_client(ratelimit_client=((2, 86400),))
    answers = [_sign_up(client, "no address").status_code for _ in range(3)]
    assert answers == [422, 422, 429]


def test_a_member_and_a_stranger_are_counted_alike(make_client):
    client = make_client(ratelimit_client=((100, 86400),))
    told = [
        _sign_up(client, email).headers["RateLimit"].partition(";t=")[0]
        for email in ("member@example.org", "member@example.org", "stranger@example.org")
    ]
    assert told == [f'"client-86400";r={left}' for left in (99, 98, 97)]


def test_a_site_with_a_key_is_not_limited_by_its_address(make_client):
    client = make_client(ratelimit_client=((1, 86400),), ratelimit_overall=((50, 86400),))
    key = services_of(client.application).keys.create("site", "signup", actor="test")
    for _ in range(4):
        answer = client.post(
            CALL,
            json={"email": "a@example.org"},
            headers={"Authorization": f"Bearer {key}", "X-Forwarded-For": "192.0.2.1"},
        )
        assert answer.status_code == 202
        assert "RateLimit" not in answer.headers


@pytest.mark.parametrize(
    ("role", "status"), [("signup", 202), ("admin", 202), ("export", 403), (None, 401)]
)
def test_a_key_that_is_sent_has_to_be_one_that_may_sign_up(make_client, role, status):
    client = make_client()
    keys = services_of(client.application).keys
    key = keys.create("site", role, actor="test") if role else "nf_unknown"
    answer = client.post(
        CALL, json={"email": "a@example.org"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == status
    assert status != 401 or answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_links_in_mails_are_never_limited(make_client):
    client = make_client(ratelimit_client=((1, 86400),))
    for _ in range(5):
        for path in ("/confirm/x.y", "/unsubscribe/x.y"):
            for method in ("GET", "POST"):
                assert client.open(path, method=method).status_code == 404


def test_whatever_else_writes_for_a_link_is_limited(make_client):
    client = make_client(ratelimit_client=((2, 86400),))
    for path in (
        "/confirm/x.y/renew",
        "/status/x.y",
        "/unsubscribe/undo",
        "/unsubscribe/reason",
    ):
        sent = {"code": "1", "token": "x.y", "reason": "other"}
        statuses = [client.post(path, data=sent).status_code for _ in range(3)]
        assert statuses == [404, 404, 429]
        assert int(client.post(path).headers["Retry-After"]) > 0
        other = {"X-Forwarded-For": "198.51.100.7"}
        assert client.post(path, data=sent, headers=other).status_code == 404


def test_what_is_limited_beside_signups_says_what_is_left_of_its_own_counter(make_client):
    client = make_client(
        ratelimit_client=((2, 86400), (9, 604_800)), ratelimit_network=((1, 86400),)
    )
    _sign_up(client)
    left = []
    for path in ("/status/x.y", "/status/x.y", "/receipt/x.y", "/status/x.y"):
        method = "GET" if "receipt" in path else "POST"
        answer = client.open(path, method=method, headers={"X-Forwarded-For": "192.0.2.1"})
        policy, _, rest = answer.headers["RateLimit"].partition(";t=")
        left.append((answer.status_code, policy, rest.count(";r=")))
    assert left == [
        (404, '"enter_code-86400";r=1', 1),
        (404, '"enter_code-86400";r=0', 1),
        (404, '"receipt-86400";r=1', 1),
        (429, '"enter_code-86400";r=0', 0),
    ]
    refused = client.post("/status/x.y", headers={"X-Forwarded-For": "192.0.2.1"})
    assert refused.json["type"] == "urn:newsflash:problem:too-many-requests"
    assert refused.headers["RateLimit-Policy"] == '"enter_code-86400";q=2;w=86400'
    assert 0 < int(refused.headers["Retry-After"]) <= 86400


def test_limits_that_are_off_limit_nothing(make_client):
    client = make_client(ratelimit_client=((1, 86400),), ratelimit_enabled=False)
    for _ in range(3):
        answer = client.post("/status/x.y", data={"code": "1"})
        assert (answer.status_code, "RateLimit" in answer.headers) == (404, False)


def test_without_redis_each_process_counts_for_itself(make_client):
    one, other = (make_client(ratelimit_client=((1, 86400),)) for _ in range(2))
    statuses = [each.post("/status/x.y").status_code for each in (one, other, one, other)]
    assert statuses == [404, 404, 429, 429]


def test_without_limits_there_is_nothing_to_tell(client):
    answer = client.post(CALL, json={"email": "a@example.org"})
    assert "RateLimit" not in answer.headers
    assert "RateLimit-Policy" not in answer.headers


def test_redis_counts_and_its_loss_is_no_error(make_client, tmp_path):
    with running_redis(tmp_path) as redis:
        limits = {"ratelimit_client": ((3, 86400),), "redis_url": redis.url}
        one, other = make_client(**limits), make_client(**limits)
        assert [_sign_up(each).status_code for each in (one, other, one, other)] == [
            202,
            202,
            202,
            429,
        ]
        codes = [each.post("/status/x.y").status_code for each in (one, other, one, other)]
        assert codes == [404, 404, 404, 429]
        redis.stop()
        assert _sign_up(one).status_code == 202
        assert one.post("/status/x.y", data={"code": "1"}).status_code == 404
        assert _sign_up(one).headers["RateLimit"].startswith('"client-86400";r=1;')


def test_pace_and_a_disposable_domain_together_are_held_unless_a_key_speaks_for_them(make_client):
    client = make_client(ratelimit_client=((10, 86_400),))
    for _ in range(10):
        assert _sign_up(client, "a@mailinator.com").status_code == 202
    key = services_of(client.application).keys.create("site", "signup", actor="test")
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": "192.0.2.1"}
    client.post(CALL, json={"email": "b@mailinator.com"}, headers=headers)
    with client.application.app_context():
        held = db.session.scalars(select(HeldSignup)).all()
    reasons = ["pace", "disposable_domain"]
    assert [(each.score, each.reasons) for each in held] == [(80, reasons)] * 3
