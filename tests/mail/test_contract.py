"""What every mail API's adapter has to do, whatever the API. SMTP has its own tests."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from service.domain.delivery.retry import SendOutcome
from service.mail.provider import (
    Mail,
    MisconfiguredError,
    OutcomeUnknownError,
    Provider,
    ProviderError,
    RejectedError,
    TemporaryError,
)
from service.mail.registry import build_provider, may_reach
from service.outbound import Limits
from tests.mail import raw
from tests.mail.apis import APIS, POSTMARK, Api, listed
from tests.mail.raw import RawServer
from tests.mail.samples import Seen, as_seen, make_mails, send

QUICK = Limits(connect_seconds=1, read_seconds=0.2, total_seconds=0.6)
PATIENT = Limits(connect_seconds=10, read_seconds=10, total_seconds=30)
"""For what ends by itself: a busy machine may take its time."""

Build = Callable[..., Provider]


@pytest.fixture(params=APIS, ids=str)
def api(request: pytest.FixtureRequest) -> Api:
    found: Api = request.param
    return found


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    built: list[Provider] = []

    def _build(api: Api, host: str, limits: Limits | None = None) -> Provider:
        provider = build_provider(
            api.dsn.format(host=host), mailbox_dir=tmp_path, limits=limits, concurrency=2
        )
        built.append(provider)
        return provider

    yield _build
    for provider in built:
        provider.close()


def host(server: HTTPServer) -> str:
    return f"{server.host}:{server.port}"


def answer(server: HTTPServer, api: Api, response: Response) -> None:
    server.expect_request(api.path, method="POST").respond_with_response(response)


def failure(provider: Provider, mails: list[Mail]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        send(provider, mails)
    assert "@" not in caught.value.code
    assert len(caught.value.code) < 60
    return caught.value


@pytest.mark.parametrize("count", ["one", "several"])
def test_good_batch_hands_over_every_mail_as_composed(
    api: Api, httpserver: HTTPServer, build: Build, count: str
) -> None:
    mails = make_mails(1 if count == "one" else api.batch)
    seen: list[Seen] = []

    def handle(request: Request) -> Response:
        assert api.is_authorised(request)
        seen.extend(api.read(request))
        return api.yes(len(mails))

    httpserver.expect_request(api.path, method="POST").respond_with_handler(handle)
    provider = build(api, host(httpserver))
    send_results = send(provider, mails)

    httpserver.check()
    assert [_plain(one) for one in seen] == [_plain(as_seen(mail)) for mail in mails]
    for one in seen:
        assert len(one.recipients) == 1
        assert one.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert one.headers["List-Unsubscribe"].startswith("<https://")
        assert one.headers["List-Id"].endswith("<news-flash.news.example.com>")
    assert [send_result.message_id for send_result in send_results] == [
        mail.message_id for mail in mails
    ]
    assert [send_result.outcome for send_result in send_results] == [SendOutcome.ACCEPTED] * len(
        mails
    )
    assert [send_result.provider_message_id for send_result in send_results] == api.ids(len(mails))
    assert provider.name == api.name
    assert provider.batch_size >= api.batch


def _plain(seen: Seen) -> tuple[object, ...]:
    """Encoded words and their text are the same thing, as are line ends."""
    headers = {n: v for n, v in listed(seen.headers).items() if n != "List-Id"}
    text, html = (part.replace("\r\n", "\n") for part in (seen.text, seen.html))
    return seen.recipients, seen.sender, seen.subject, text, html, headers


@pytest.mark.parametrize("api", [api for api in APIS if api.partly is not None], ids=str)
def test_partial_batch_gives_each_mail_its_own_receipt(
    api: Api, httpserver: HTTPServer, build: Build
) -> None:
    assert api.partly is not None
    mails = make_mails(3)
    answer(httpserver, api, api.partly(3))
    send_results = send(build(api, host(httpserver)), mails)
    ids = api.ids(3)
    assert [send_result.message_id for send_result in send_results] == [
        mail.message_id for mail in mails
    ]
    assert [send_result.outcome for send_result in send_results] == [
        SendOutcome.ACCEPTED,
        SendOutcome.REJECTED,
        SendOutcome.ACCEPTED,
    ]
    assert [send_result.provider_message_id for send_result in send_results] == [
        ids[0],
        None,
        ids[2],
    ]
    assert [send_result.error for send_result in send_results] == [None, api.partly_error, None]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, TemporaryError),
        (408, TemporaryError),
        (500, TemporaryError),
        (502, TemporaryError),
        (503, TemporaryError),
        (401, MisconfiguredError),
        (403, MisconfiguredError),
        (404, MisconfiguredError),
        (301, MisconfiguredError),
        (400, RejectedError),
        (413, RejectedError),
        (422, RejectedError),
    ],
)
def test_whole_error_answer_is_one_of_three_kinds(
    api: Api, httpserver: HTTPServer, build: Build, status: int, kind: type[ProviderError]
) -> None:
    headers = {"Location": httpserver.url_for("/elsewhere")}
    answer(httpserver, api, Response('{"message": "someone@example.org"}', status, headers))
    error = failure(build(api, host(httpserver)), make_mails(1))
    assert type(error) is kind
    assert error.code == f"http_{status}"
    assert len(httpserver.log) == 1, "no redirect is followed and nothing is tried again"


def test_every_api_hands_on_retry_after(api: Api, httpserver: HTTPServer, build: Build) -> None:
    answer(httpserver, api, Response("", 429, {"Retry-After": "31"}))
    assert failure(build(api, host(httpserver)), make_mails(1)).retry_after == timedelta(seconds=31)


def test_refused_connection_means_not_sent(api: Api, build: Build) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    error = failure(build(api, f"127.0.0.1:{port}"), make_mails(1))
    assert (type(error), error.code) == (TemporaryError, "connect_failed")


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (raw.hang, "read_timeout"),
        (raw.trickle, "read_timeout"),
        (raw.trickle_head, "read_timeout"),
        (raw.trickle_interim, "read_timeout"),
        (raw.trickle_chunks, "read_timeout"),
        (raw.close_unanswered, "connection_broken"),
        (raw.reset_unanswered, "connection_broken"),
        (raw.close_in_head, "connection_broken"),
        (raw.close_in_body, "connection_broken"),
        (raw.close_in_chunk, "connection_broken"),
        (raw.close_in_error, "connection_broken"),
    ],
)
def test_answer_that_does_not_come_whole_means_unknown(
    api: Api, build: Build, script: raw.Script, code: str
) -> None:
    with RawServer([script, script]) as server:
        limits = QUICK if code == "read_timeout" else PATIENT
        error = failure(build(api, server.host, limits), make_mails(1))
    assert (type(error), error.code) == (OutcomeUnknownError, code)
    assert server.connections == 1, "nothing is tried again"


def test_tls_handshake_that_trickles_means_not_sent(api: Api, tmp_path: Path) -> None:
    with RawServer([raw.trickle_handshake]) as server:
        dsn = api.dsn.format(host=server.host).replace("scheme=http", "scheme=https")
        provider = build_provider(dsn, mailbox_dir=tmp_path, limits=QUICK)
        error = failure(provider, make_mails(1))
        provider.close()
    assert (type(error), error.code) == (TemporaryError, "connect_timeout")


UTF8 = {"mailgun", "mailjet", "mailpit"}
"""What carries mail to local parts that are not ASCII."""


def test_only_some_carry_local_parts_that_are_not_ascii(api: Api, build: Build) -> None:
    provider = build(api, "127.0.0.1:9")
    assert provider.reaches("jörg@example.org") is (api.name in UTF8)
    assert provider.reaches("reader@xn--bcher-kva.example")
    assert may_reach([api.dsn], "jörg@example.org") is (api.name in UTF8)
    assert may_reach([api.dsn, "smtps://h"], "jörg@example.org")
    assert not may_reach([api.dsn, "smtps://h"], "=?utf-8?q?=0a?=@example.org")


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", "null", "<html>", '[{"ErrorCode": 0}]'])
@pytest.mark.parametrize("api", [api for api in APIS if api.reads_answer], ids=str)
def test_2xx_that_says_nothing_means_unknown(
    api: Api, httpserver: HTTPServer, build: Build, body: str
) -> None:
    answer(httpserver, api, Response(body, 200, {"Content-Type": "application/json"}))
    error = failure(build(api, host(httpserver)), make_mails(1))
    assert (type(error), error.code) == (OutcomeUnknownError, "malformed_answer")


def test_same_batch_is_the_same_bytes_on_a_retry(
    api: Api, httpserver: HTTPServer, build: Build
) -> None:
    answer(httpserver, api, Response("", 503))
    for _ in range(2):
        failure(build(api, host(httpserver)), make_mails(api.batch))
    first, second = (request.get_data() for request, _ in httpserver.log)
    assert first == second


def test_connection_cut_while_the_request_is_sent_means_not_sent(build: Build) -> None:
    (mail,) = make_mails(1)
    huge = Mail(
        message_id=mail.message_id,
        sender=mail.sender,
        recipient=mail.recipient,
        subject=mail.subject,
        text="x" * 30_000_000,
        html=mail.html,
    )
    with RawServer([raw.reset_while_sending]) as server:
        error = failure(build(POSTMARK, server.host), [huge])
    assert (type(error), error.code) == (TemporaryError, "connect_failed")


def test_request_that_is_not_read_in_time_means_not_sent(build: Build) -> None:
    (mail,) = make_mails(1)
    huge = replace(mail, text="x" * 30_000_000)
    with RawServer([raw.read_slowly]) as server:
        error = failure(build(POSTMARK, server.host, QUICK), [huge])
    assert (type(error), error.code) == (TemporaryError, "connect_timeout")


def _good(peer: raw.Peer) -> None:
    peer.read_request()
    body = POSTMARK.yes(1).get_data()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_kept_connection_is_used_again(build: Build) -> None:
    def twice(peer: raw.Peer) -> None:
        _good(peer)
        _good(peer)

    with RawServer([twice]) as server:
        provider = build(POSTMARK, server.host)
        for _ in range(2):
            assert send(provider, make_mails(1))[0].outcome is SendOutcome.ACCEPTED
    assert server.connections == 1


def test_kept_connection_that_the_server_closed_is_replaced(build: Build) -> None:
    def good_then_close(peer: raw.Peer) -> None:
        _good(peer)
        peer.close()
        closed.set()

    closed = threading.Event()
    with RawServer([good_then_close, _good]) as server:
        provider = build(POSTMARK, server.host)
        send(provider, make_mails(1))
        assert closed.wait(5)
        assert send(provider, make_mails(1))[0].outcome is SendOutcome.ACCEPTED
    assert server.connections == 2


def test_kept_connection_closed_as_the_next_request_arrives_means_unknown(build: Build) -> None:
    def good_then_silent(peer: raw.Peer) -> None:
        _good(peer)
        peer.read_request()

    with RawServer([good_then_silent, _good]) as server:
        provider = build(POSTMARK, server.host)
        send(provider, make_mails(1))
        error = failure(provider, make_mails(1))
    assert (type(error), error.code) == (OutcomeUnknownError, "connection_broken")
    assert server.connections == 1


def test_connection_that_lay_idle_is_not_trusted(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.outbound.MAX_IDLE_SECONDS", 0.0)

    def good_until_closed(peer: raw.Peer) -> None:
        _good(peer)
        assert peer.read_line() == b"", "the next request comes on a connection of its own"

    with RawServer([good_until_closed, _good]) as server:
        provider = build(POSTMARK, server.host)
        for _ in range(2):
            assert send(provider, make_mails(1))[0].outcome is SendOutcome.ACCEPTED
    assert server.connections == 2


def test_environment_proxies_are_not_used(
    httpserver: HTTPServer, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    answer(httpserver, POSTMARK, POSTMARK.yes(1))
    assert send(build(POSTMARK, host(httpserver)), make_mails(1))
