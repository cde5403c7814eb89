"""Requests as they come in over a socket: which are answered, which are refused, and how."""

from contextlib import suppress

import pytest

from tests.front.conftest import App, Client


def post(body: bytes, *headers: bytes, path: bytes = b"/") -> bytes:
    """Write a POST."""
    lines = [b"POST %b HTTP/1.1" % path, b"Host: a.example", *headers]
    return b"\r\n".join([*lines, b"", body])


def test_a_body_in_pieces_is_one_body(client: Client, app: App) -> None:
    wire = post(b"abcdef", b"Content-Length: 6")
    for at in range(len(wire)):
        client.send(wire[at : at + 1])
    assert client.answer() == (200, b"abcdef")


def test_chunks_are_one_body(client: Client, app: App) -> None:
    chunks = b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    wire = post(chunks, b"Transfer-Encoding: chunked")
    for at in range(0, len(wire), 3):
        client.send(wire[at : at + 3])
    assert client.answer() == (200, b"abcde")
    assert "HTTP_TRAILER" not in app.environs[0]


def test_requests_in_one_piece_are_answered_in_order(client: Client) -> None:
    wires = [post(b"%d" % number, b"Content-Length: 1") for number in range(5)]
    client.send(b"".join([*wires, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"]))
    for number in range(5):
        assert client.answer() == (200, b"%d" % number)
    assert client.answer() == (200, b'{"status":"ok"}\n')


def test_what_follows_chunks_in_one_piece_is_not_mixed_in(client: Client, app: App) -> None:
    chunks = b"1\r\na\r\n0\r\n\r\n"
    client.send(post(chunks, b"Transfer-Encoding: chunked") + post(b"bc", b"Content-Length: 2"))
    assert b"Connection: close" in client.rest()
    assert app.bodies == [b"a"]


def test_expected_continue_is_said_before_the_body(client: Client) -> None:
    client.send(post(b"", b"Content-Length: 3", b"Expect: 100-continue"))
    said = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert client.socket.recv(len(said)) == said
    client.send(b"abc")
    assert client.answer() == (200, b"abc")


def test_a_head_request_has_the_head_only(client: Client) -> None:
    client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert client.rest().endswith(b"\r\n\r\n")


def test_http_1_0_ends_with_its_answer_unless_it_asks_to_stay(port: int) -> None:
    client = Client(port)
    client.send(b"GET /stream HTTP/1.0\r\n\r\n")
    assert client.rest().endswith(b"\r\n\r\n0,1,2,")
    client = Client(port)
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    assert client.answer() == (200, b"")
    assert client.answer() == (200, b"")


def test_a_stream_comes_in_chunks(client: Client, app: App) -> None:
    client.send(b"GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    head, _, body = client.rest().partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert body == b"2\r\n0,\r\n2\r\n1,\r\n2\r\n2,\r\n0\r\n\r\n"
    assert app.closed.is_set()


def test_a_stream_that_fails_has_no_end(client: Client, app: App) -> None:
    client.send(b"GET /stream/fail HTTP/1.1\r\nHost: a\r\n\r\n")
    found = b""
    with suppress(ConnectionError):
        found = client.rest()
    assert not found.endswith(b"0\r\n\r\n")
    assert app.closed.is_set()


def test_a_failing_app_is_a_500_without_its_words(client: Client) -> None:
    client.send(b"GET /fail HTTP/1.1\r\nHost: a\r\n\r\n")
    status, body = client.answer()
    assert status == 500
    assert b"secret" not in body


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (post(b"abcde", b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),
        (post(b"abcde", b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400),
        (post(b"abcde", b"Content-Length: 5", b"Content-Length: 5"), 400),
        (post(b"abcde", b"Content-Length: 5", b"Content-Length: 3"), 400),
        (post(b"abcde", b"Content-Length: -5"), 400),
        (post(b"abcde", b"Content-Length: +5"), 400),
        (post(b"abcde", b"Content-Length: 5,5"), 400),
        (post(b"abcde", b"Content-Length: 0x5"), 400),
        (post(b"abcde", b"Content-Length: five"), 400),
        (post(b"abcde", b"Content-Length:"), 400),
        (post(b"abcde", b"Content-Length: " + b"9" * 40), 400),
        (post(b"0\r\n\r\n", b"Transfer-Encoding: gzip, chunked"), 400),
        (post(b"0\r\n\r\n", b"Transfer-Encoding: identity"), 400),
        (post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
        (post(b"g\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 400),
        (post(b"3\r\nabcd\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 400),
        (post(b"-1\r\nabcd\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"), 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n", 501),
        (post(b"", b"Expect: a-miracle"), 417),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40_000, 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 101 + b"\r\n", 431),
    ],
)
def test_what_could_be_understood_in_two_ways_is_refused(
    client: Client, app: App, wire: bytes, status: int
) -> None:
    client.send(wire)
    found = client.rest()
    assert int(found.split()[1]) == status
    assert found.count(b"HTTP/1.1 ") == 1
    assert app.environs == []


def test_the_environment_says_what_the_request_said(client: Client, app: App) -> None:
    client.send(
        b"\r\nGET http://b.example:81/%C3%A9%2Fx?q=%41&r HTTP/1.1\r\nHost: other\r\n"
        b"Cookie: a=1\r\ncookie: b=2\r\n"
        b"X-Forwarded-For: 192.0.2.1\r\nX_Forwarded_For: 192.0.2.9\r\n"
        b"X-Twice: 1 \t\r\nX-Twice: 2\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n"
    )
    client.rest()
    (found,) = app.environs
    assert found["REMOTE_ADDR"] == "127.0.0.1"
    assert found["REMOTE_PORT"] == str(client.socket.getsockname()[1])
    assert found["HTTP_HOST"] == "b.example:81"
    assert found["PATH_INFO"].encode("latin-1").decode() == "/é/x"
    assert found["QUERY_STRING"] == "q=%41&r"
    assert found["HTTP_COOKIE"] == "a=1; b=2"
    assert found["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"
    assert found["HTTP_X_TWICE"] == "1, 2"
