"""One session factory: a deadline over the whole call, a size, and nothing of the environment."""

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from service import outbound
from service.deadline import MAX_LOOKUPS, Deadline, bounded, connect, look_up
from service.outbound import AnswerTooLargeError, Limits
from tests.mail import raw
from tests.mail.raw import Peer, RawServer

QUICK = Limits(connect_seconds=0.5, read_seconds=0.3, total_seconds=0.6, answer_bytes=1000)


@pytest.fixture
def hanging() -> Iterator[Any]:
    """A resolver that says nothing until the test is over."""
    ended = threading.Event()

    def resolve(*_: object, **__: object) -> list[Any]:
        ended.wait(20)
        raise socket.gaierror

    yield resolve
    ended.set()


@pytest.mark.parametrize(
    ("script", "was_sent"),
    [
        (raw.trickle_head, True),
        (raw.trickle_interim, True),
        (raw.trickle, True),
        (raw.trickle_chunks, True),
        (raw.hang, True),
    ],
)
def test_an_answer_that_trickles_ends_with_the_deadline(script: raw.Script, was_sent: bool) -> None:
    with RawServer([script]) as server, outbound.session(QUICK) as session:
        with pytest.raises(requests.Timeout):
            session.get(f"http://{server.host}/")
        assert outbound.was_sent() is was_sent


def test_a_tls_handshake_that_trickles_ends_with_the_deadline() -> None:
    with RawServer([raw.trickle_handshake]) as server, outbound.session(QUICK) as session:
        with pytest.raises(requests.Timeout):
            session.get(f"https://{server.host}/")
        assert not outbound.has_begun()


def test_a_request_that_is_not_read_ends_with_the_deadline() -> None:
    with RawServer([raw.read_slowly]) as server, outbound.session(QUICK) as session:
        with pytest.raises(requests.RequestException, match="timed out"):
            session.post(f"http://{server.host}/", data=b"x" * 30_000_000)
        assert outbound.has_begun()
        assert not outbound.was_sent()


def test_a_name_that_is_looked_up_for_too_long_ends_with_the_deadline(hanging: Any) -> None:
    def resolve(host: str, port: int, deadline: Deadline) -> Any:
        return look_up(host, port, deadline, resolver=hanging)

    with outbound.session(QUICK, look_up=resolve) as session:
        with pytest.raises(requests.ConnectTimeout):
            session.get("http://slow.example/")
        assert not outbound.has_begun()


def test_look_ups_that_hang_are_bounded(hanging: Any) -> None:
    for _ in range(MAX_LOOKUPS):
        with pytest.raises(TimeoutError):
            bounded(hanging, 0.001)
    with pytest.raises(TimeoutError):
        bounded(lambda: "never run", 0.01)


def test_what_a_look_up_raises_is_raised() -> None:
    with pytest.raises(socket.gaierror):
        look_up("a..b", 80, Deadline(5))
    with pytest.raises(socket.gaierror):
        connect([], Deadline(5))


def test_an_address_that_refuses_does_not_hide_the_next(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("yes")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", place)
        for place in (dead, ("127.0.0.1", httpserver.port))
    ]
    with outbound.session(QUICK, look_up=lambda *_: found) as session:
        assert session.get("http://two.example/").text == "yes"


def test_a_deadline_of_a_part_is_no_later_than_that_of_the_whole() -> None:
    assert Deadline(0.5).within(60).left() <= 0.5
    assert Deadline(60).within(0.5).left() <= 0.5
    with pytest.raises(TimeoutError):
        Deadline(0).left()
    assert Deadline(0).within(60).is_over


def _endless(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not peer.ended.is_set():
        peer.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")


def test_an_endless_answer_is_given_up() -> None:
    with (
        RawServer([_endless]) as server,
        outbound.session(QUICK) as session,
        pytest.raises(AnswerTooLargeError),
    ):
        session.get(f"http://{server.host}/")


def test_a_compressed_answer_counts_as_what_it_grows_to(httpserver: HTTPServer) -> None:
    packed = gzip.compress(bytes(10_000_000))
    httpserver.expect_request("/").respond_with_data(packed, headers={"Content-Encoding": "gzip"})
    with outbound.session(Limits(answer_bytes=100_000)) as session:
        assert len(packed) < 100_000
        with pytest.raises(AnswerTooLargeError):
            session.get(httpserver.url_for("/"))
    assert httpserver.log[0][0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("script", [_endless, raw.trickle, raw.trickle_chunks])
def test_who_wants_the_status_alone_gets_it_whatever_the_body_does(script: raw.Script) -> None:
    limits = Limits(answer_bytes=100, is_cut=True, read_seconds=0.3, total_seconds=5)
    with RawServer([script]) as server, outbound.session(limits) as session:
        answer = session.get(f"http://{server.host}/")
        assert answer.status_code == 200
        assert len(answer.content) <= 100


def test_interim_answers_are_passed_over_and_the_next_request_has_its_own_answer() -> None:
    def hint_first(peer: Peer) -> None:
        for body in (b"one", b"two"):
            peer.read_request()
            peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n" + body)

    with RawServer([hint_first]) as server, outbound.session(QUICK) as session:
        found = [session.get(f"http://{server.host}/").text for _ in range(2)]
    assert found == ["one", "two"]
    assert server.connections == 1


def test_an_answer_up_to_the_limit_is_whole(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data("x" * 1000)
    with outbound.session(QUICK) as session:
        for _ in range(2):
            assert session.get(httpserver.url_for("/")).text == "x" * 1000


def test_no_redirect_is_followed(httpserver: HTTPServer) -> None:
    elsewhere = httpserver.url_for("/elsewhere")
    httpserver.expect_request("/").respond_with_response(Response("", 302, {"Location": elsewhere}))
    with outbound.session(QUICK) as session:
        for answer in (
            session.get(httpserver.url_for("/")),
            session.post(httpserver.url_for("/"), allow_redirects=True),
        ):
            assert (answer.status_code, answer.history) == (302, [])
    assert [request.path for request, _ in httpserver.log] == ["/", "/"]


def test_nothing_of_the_environment_is_used(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine localhost login ada password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing"))
    seen: list[Request] = []

    def take(request: Request) -> Response:
        seen.append(request)
        return Response("", headers={"Set-Cookie": "a=b; Path=/"})

    httpserver.expect_request("/").respond_with_handler(take)
    with outbound.session(QUICK) as session:
        for _ in range(2):
            session.get(httpserver.url_for("/"))
    assert [(one.headers.get("Authorization"), one.headers.get("Cookie")) for one in seen] == [
        (None, None)
    ] * 2


def test_another_librarys_session_is_guarded_too() -> None:
    with RawServer([raw.trickle_head]) as server, closing(requests.Session()) as session:
        outbound.guard(session, QUICK)
        with pytest.raises(requests.Timeout):
            session.get(f"http://{server.host}/", timeout=60)
