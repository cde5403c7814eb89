"""Signing in against npm's oidc-provider, over HTTP as a browser without scripts would."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from flask.testing import FlaskClient

from service.config import OidcSettings
from tests.oidc.issuer import ADA, CLIENT_ID, CLIENT_SECRET
from tests.oidc.peer import running_provider
from tests.web.console.steps import ORIGIN

CALLBACK = f"{ORIGIN}/admin/oidc/callback"


@pytest.fixture(scope="module")
def peer() -> Iterator[str]:
    with running_provider(CALLBACK) as issuer:
        yield issuer


@pytest.fixture
def oidc(peer: str, request: pytest.FixtureRequest) -> OidcSettings:
    given = {
        "issuer": peer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "admins": (ADA, "unverified@example.org"),
        **getattr(request, "param", {}),
    }
    return OidcSettings(**given)


def way_back(address: str, account: str) -> dict[str, str]:
    """Sign in at the provider, agree to what it asks, and return what it sends us."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(address, allow_redirects=False, timeout=10)
        for _ in range(12):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if target.startswith(CALLBACK):
                    return dict(parse_qsl(urlsplit(target).query))
                answer = session.get(target, allow_redirects=False, timeout=10)
                continue
            assert answer.status_code == 200, answer.text
            found = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
            assert found, answer.text
            prompt = "login" if 'name="login"' in answer.text else "consent"
            answer = session.post(
                urljoin(answer.url, unescape(found[1])),
                data={"prompt": prompt, "login": account, "password": "any"},
                allow_redirects=False,
                timeout=10,
            )
    pytest.fail("the provider does not come to an end")


def begin(client: FlaskClient) -> str:
    answer = client.get("/admin/oidc?next=/admin/lists")
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.location


def test_an_administrator_comes_in_once(client):
    params = way_back(begin(client), "ada")
    answer = client.get("/admin/oidc/callback", query_string=params)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert 'content="0; url=/admin/lists"' in answer.get_data(as_text=True)
    assert f"oidc:{ADA}" in client.get("/admin/audit").get_data(as_text=True)


def test_the_provider_takes_a_code_once(app, client):
    params = way_back(begin(client), "ada")
    cookie = client.get_cookie("newsflash-sign-in")
    assert cookie is not None
    assert client.get("/admin/oidc/callback", query_string=params).status_code == 200
    other = app.test_client()
    other.set_cookie("newsflash-sign-in", cookie.value)
    assert other.get("/admin/oidc/callback", query_string=params).status_code == 400


@pytest.mark.parametrize("account", ["eve", "unverified"])
def test_others_are_refused(client, account):
    params = way_back(begin(client), account)
    assert client.get("/admin/oidc/callback", query_string=params).status_code == 403
    assert client.get("/admin").status_code == 303


@pytest.mark.parametrize(
    "oidc",
    [{"admins": (), "admin_group": "newsletter-admins", "scopes": "openid groups"}],
    indirect=True,
)
@pytest.mark.parametrize(("account", "status"), [("grace", 200), ("ada", 403)])
def test_a_group_decides(client, account, status):
    params = way_back(begin(client), account)
    assert client.get("/admin/oidc/callback", query_string=params).status_code == status


@pytest.mark.parametrize("oidc", [{"client_secret": "another"}], indirect=True)
def test_a_wrong_client_secret_is_told_from_a_wrong_person(client, capfd):
    params = way_back(begin(client), "ada")
    answer = client.get("/admin/oidc/callback", query_string=params)
    assert answer.status_code == 502
    assert "invalid_client" in answer.get_data(as_text=True)
    assert params["code"] not in "".join(capfd.readouterr())
