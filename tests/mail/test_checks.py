"""Credentials are tried with one call that sends nothing, and never shown."""

from base64 import b64encode

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from service.domain.finding import Level
from service.mail.checks import GETS, check_provider
from service.mail.registry import HTTP_APIS
from tests.mail.raw import Peer, RawServer

BASIC = b64encode(b"k3y:s3cret").decode()

ASKED = [
    ("postmark://k3y@{host}?scheme=http", "/server", "X-Postmark-Server-Token", "k3y"),
    ("sendgrid://k3y@{host}?scheme=http", "/v3/scopes", "Authorization", "Bearer k3y"),
    (
        "mailgun://k3y@{host}?scheme=http&domain=mg.example.org",
        "/v3/domains/mg.example.org",
        "Authorization",
        "Basic " + b64encode(b"api:k3y").decode(),
    ),
    ("brevo://k3y@{host}?scheme=http", "/v3/account", "api-key", "k3y"),
    ("resend://k3y@{host}?scheme=http", "/domains", "Authorization", "Bearer k3y"),
    (
        "mailjet://k3y:s3cret@{host}?scheme=http",
        "/v3/REST/sender",
        "Authorization",
        f"Basic {BASIC}",
    ),
    ("mailtrap://k3y@{host}?scheme=http", "/api/accounts", "Authorization", "Bearer k3y"),
    (
        "scaleway://project:k3y@{host}?scheme=http",
        "/transactional-email/v1alpha1/regions/fr-par/domains",
        "X-Auth-Token",
        "k3y",
    ),
    ("mailpit://k3y:s3cret@{host}?scheme=http", "/api/v1/info", "Authorization", f"Basic {BASIC}"),
]


def host(server: HTTPServer) -> str:
    return f"127.0.0.1:{server.port}"


def test_every_api_has_a_check() -> None:
    assert GETS.keys() == {api.name for api in HTTP_APIS}


@pytest.mark.parametrize(("dsn", "path", "header", "value"), ASKED)
def test_good_and_bad_credentials_are_told_apart(
    httpserver: HTTPServer, dsn: str, path: str, header: str, value: str
) -> None:
    def answer(request: Request) -> Response:
        is_good = request.headers.get(header) == value
        return Response("{}" if is_good else "no", 200 if is_good else 401)

    httpserver.expect_request(path, method="GET").respond_with_handler(answer)
    good = check_provider(dsn.format(host=host(httpserver)))
    assert good.level is Level.OK, good
    bad = check_provider(dsn.format(host=host(httpserver)).replace("k3y", "wr0ng"))
    assert bad.level is Level.FAILED
    assert "refused (401)" in bad.detail
    assert not any(secret in str((good, bad)) for secret in ("k3y", "s3cret", "wr0ng"))


@pytest.mark.parametrize(
    ("account", "level"),
    [
        ({"SendingEnabled": True, "ProductionAccessEnabled": True}, Level.OK),
        ({"SendingEnabled": True, "ProductionAccessEnabled": False}, Level.WARNING),
        ({"SendingEnabled": False, "ProductionAccessEnabled": True}, Level.FAILED),
    ],
)
def test_ses_says_whether_it_sends(
    httpserver: HTTPServer, account: dict[str, bool], level: Level
) -> None:
    httpserver.expect_request("/v2/email/account").respond_with_json(account)
    dsn = f"ses://k3y:s3cret@{host(httpserver)}?scheme=http&region=eu-west-1"
    assert check_provider(dsn).level is level
    (request, _), *_ = httpserver.log
    assert request.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=k3y/")


def test_a_key_that_may_only_send_is_fine(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/domains").respond_with_json(
        {"statusCode": 401, "name": "restricted_api_key"}, status=401
    )
    assert check_provider(f"resend://k@{host(httpserver)}?scheme=http").level is Level.OK


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ({"domain": {"state": "active"}}, Level.OK),
        ({"domain": {"state": "unverified"}}, Level.FAILED),
    ],
)
def test_mailgun_says_whether_the_domain_is_verified(
    httpserver: HTTPServer, body: dict[str, dict[str, str]], level: Level
) -> None:
    httpserver.expect_request("/v3/domains/mg.example.org").respond_with_json(body)
    dsn = f"mailgun://k@{host(httpserver)}?scheme=http&domain=mg.example.org"
    assert check_provider(dsn).level is level


@pytest.mark.parametrize(
    ("status", "level"),
    [(404, Level.FAILED), (301, Level.FAILED), (429, Level.WARNING), (503, Level.WARNING)],
)
def test_other_answers(httpserver: HTTPServer, status: int, level: Level) -> None:
    httpserver.expect_request("/server").respond_with_data("", status=status)
    assert check_provider(f"postmark://k@{host(httpserver)}?scheme=http").level is level


@pytest.mark.parametrize(
    "dsn",
    ["postmark://k@127.0.0.1:1?scheme=http", "postmark://@default", "pigeon://k@default", "x"],
)
def test_what_cannot_be_asked_has_failed(dsn: str) -> None:
    assert check_provider(dsn).level is Level.FAILED


def smtp(*, takes_login: bool) -> object:
    def script(peer: Peer) -> None:
        peer.send(b"220 mx\r\n")
        while line := peer.read_line():
            verb = line[:4].upper()
            if verb == b"EHLO":
                peer.send(b"250-mx\r\n250 AUTH PLAIN\r\n")
            elif verb == b"AUTH":
                peer.send(b"235 ok\r\n" if takes_login else b"535 no\r\n")
            else:
                peer.send(b"250 ok\r\n")

    return script


@pytest.mark.parametrize(("takes_login", "level"), [(True, Level.OK), (False, Level.FAILED)])
def test_smtp_is_logged_in_to(takes_login: bool, level: Level) -> None:
    with RawServer([smtp(takes_login=takes_login)]) as server:  # type: ignore[list-item]
        finding = check_provider(f"smtp://k3y:s3cret@{server.host}")
    assert finding.level is level
    assert "s3cret" not in str(finding)


def test_smtp_without_a_login_is_only_greeted() -> None:
    with RawServer([smtp(takes_login=True)]) as server:  # type: ignore[list-item]
        assert check_provider(f"smtp://{server.host}").level is Level.OK
    assert check_provider("smtp://127.0.0.1:1").level is Level.FAILED
