"""Under which names the service answers, and what a redirect may lead to."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from sqlalchemy.engine import URL

from service.app import create_app, services_of
from service.config import Settings
from service.domain.errors import InvalidInputError
from service.services import Services
from service.web.http.problems import CONTENT_TYPE

OURS = "https://news.example"
Make = Callable[..., FlaskClient]


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """The rules do not depend on the database."""
    return sqlite_url


@pytest.fixture
def make(settings: Settings) -> Iterator[Make]:
    """Clients of apps with other settings."""
    made = []

    def make_client(**changes: object) -> FlaskClient:
        app = create_app(replace(settings, **changes))  # type: ignore[arg-type]
        made.append(app)
        return app.test_client()

    yield make_client
    for app in made:
        services_of(app).close()


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("news.example", True),
        ("NEWS.example:443", True),
        ("news.example.", True),
        ("localhost:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]", True),
        ("web", True),
        ("evil.example", False),
        ("news.example.evil.example", False),
        ("evil.example:80@news.example", False),
        ("news.example/evil.example", False),
        ("news.example:x", False),
        ("192.0.2.7", False),
        ("0.0.0.0", False),  # noqa: S104 - that is what is refused
        ("[::1", False),
        ("", False),
    ],
)
def test_only_its_own_names_are_answered(make: Make, host: str, is_ours: bool) -> None:
    client = make(public_url=OURS, allowed_hosts=("web",))
    for path in ("/", "/v1/subscribers/export", "/no/such/page", "/openapi.yaml"):
        answer = client.get(path, headers={"Host": host})
        assert (answer.status_code == 400) is not is_ours, (path, answer.status_code)
        if not is_ours:
            assert answer.content_type == CONTENT_TYPE
            assert json.loads(answer.data)["type"] == "urn:newsflash:problem:unknown-host"
    for path in ("/healthz", "/readyz"):
        assert client.get(path, headers={"Host": host}).status_code == 200


def test_behind_a_trusted_proxy_the_forwarded_name_counts(make: Make) -> None:
    behind = make(public_url=OURS, trusted_proxies=1)
    inside = {"Host": "10.0.0.7:8000"}
    assert behind.get("/", headers=inside).status_code == 400
    assert (
        behind.get("/", headers={**inside, "X-Forwarded-Host": "news.example"}).status_code == 200
    )
    forged = {"Host": "news.example", "X-Forwarded-Host": "news.example, evil.example"}
    assert behind.get("/", headers=forged).status_code == 400


def test_without_a_proxy_a_forwarded_name_is_nothing(make: Make) -> None:
    direct = make(public_url=OURS)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "news.example"}
    assert direct.get("/", headers=headers).status_code == 400


@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize("prefix", ["@evil.example", "//evil.example", "/evil"])
def test_a_forwarded_prefix_is_nothing(make: Make, proxies: int, prefix: str) -> None:
    client = make(public_url=OURS, trusted_proxies=proxies)
    headers = {
        "Host": "news.example",
        "X-Forwarded-Host": "news.example",
        "X-Forwarded-Prefix": prefix,
    }
    form = "/subscribe/news-flash"
    script = client.get("/embed/news-flash.js", headers=headers).text
    assert f'const url = "{OURS}{form}";' in script
    assert "evil" not in script + client.get("/", headers=headers).text
    data = {"email": "ada@example.org"}
    assert client.post(form, data=data, headers=headers).location.startswith("/status/")


@pytest.mark.parametrize("is_taken_off", [True, False])
def test_below_a_path_of_public_url_every_link_leads_there(make: Make, is_taken_off: bool) -> None:
    client = make(public_url=f"{OURS}/letters", trusted_proxies=1)
    headers = {"X-Forwarded-Host": "news.example", "X-Forwarded-Proto": "https"}
    start = "" if is_taken_off else "/letters"
    assert 'href="/letters/subscribe/news-flash"' in client.get(f"{start}/", headers=headers).text
    script = client.get(f"{start}/embed/news-flash.js", headers=headers).text
    assert f'const url = "{OURS}/letters/subscribe/news-flash";' in script
    form = f"{start}/subscribe/news-flash"
    data = {"email": "ada@example.org"}
    assert client.post(form, data=data, headers=headers).location.startswith("/letters/status/")
    asked = {**headers, "Accept": "application/json"}
    status_url = json.loads(client.post(form, data=data, headers=asked).text)["status_url"]
    assert status_url.startswith(f"{OURS}/letters/status/")
    path = status_url.removeprefix(OURS if not is_taken_off else f"{OURS}/letters")
    assert client.get(path, headers=headers).status_code == 200


def test_a_browser_is_told_on_a_page(make: Make) -> None:
    page = make().get("/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (400, "text/html")
    assert "evil.example" not in page.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("redirect_url", "//evil.example/"),
        ("redirect_url", "javascript:alert(1)"),
        ("redirect_url", "https://"),
        ("redirect_url", "https://[::1"),
        ("redirect_url", "https://site.example:port/"),
        ("redirect_url", "https://sitë.example/"),
        ("redirect_url", "https://site.example; script-src *"),
        ("redirect_url", "https://a.example,b.example/"),
        ("redirect_url", "https://ada@site.example/"),
        ("origins", ["https://[::1"]),
        ("origins", ["https://site.example; frame-ancestors *"]),
        ("origins", ["https://site.example;x"]),
        ("origins", ["https://*.example"]),
        ("origins", ["null"]),
    ],
)
def test_what_goes_into_headers_is_a_plain_web_address(
    services: Services, field: str, value: object
) -> None:
    with pytest.raises(InvalidInputError):
        services.lists.update("news-flash", {field: value}, actor="test")


def test_a_visitor_chooses_no_redirect(client: FlaskClient) -> None:
    evil = "https://evil.example/"
    names = dict.fromkeys(("next", "redirect", "redirect_url", "return", "url", "source"), evil)
    answer = client.post(
        "/subscribe/news-flash",
        query_string=names,
        data={"email": "ada@example.org", **names},
        headers={"Referer": evil},
    )
    assert answer.status_code == 303
    assert answer.location.startswith("/status/")
    assert client.get("//evil.example/%2e%2e").headers.get("Location", "").count("evil") == 0
