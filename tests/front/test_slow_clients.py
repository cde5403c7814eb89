"""Clients that are slow, go away or are too many cost the server a socket, and nobody's time."""

import socket
import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from service.front.limits import Limits
from tests.front.conftest import PATIENCE_SECONDS, SHORT, App, Client, by_path, serving

SMALL_BUFFER = 4096


def ask(port: int, wire: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> int:
    """Return the status of an answer on a connection of its own."""
    client = Client(port)
    with closing(client.socket):
        client.send(wire)
        return client.answer()[0]


def only(**changes: float) -> Limits:
    """Return limits under which nothing else ends."""
    names = ("head_seconds", "body_seconds", "queue_seconds", "write_seconds")
    given = dict.fromkeys(names, PATIENCE_SECONDS * 2.0)
    return Limits(**(given | {"linger_seconds": 1} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\r\nHost:",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_who_sends_too_slowly_is_told_so(client: Client, app: App, wire: bytes) -> None:
    client.send(wire)
    assert client.rest().startswith(b"HTTP/1.1 408 ")
    assert app.environs == []


def test_a_connection_that_says_nothing_is_ended(client: Client) -> None:
    assert client.rest() == b""


def test_an_idle_connection_is_ended(client: Client) -> None:
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.answer()[0] == 200
    assert client.rest() == b""


@pytest.mark.parametrize(
    "wire",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Le",
    ],
)
@pytest.mark.parametrize("ends_by_half", [True, False])
def test_a_request_cut_short_does_not_reach_the_app(
    port: int, app: App, wire: bytes, ends_by_half: bool
) -> None:
    client = Client(port)
    client.send(wire)
    if ends_by_half:
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest().startswith(b"HTTP/1.1 400 ")
    client.socket.close()
    assert ask(port) == 200
    assert app.bodies == [b""]


def test_an_upload_cut_short_breaks_in_the_app(port: int, app: App) -> None:
    for framing, body in (
        (b"Content-Length: 9", b"abc"),
        (b"Transfer-Encoding: chunked", b"3\r\nabc"),
    ):
        client = Client(port)
        client.send(b"POST /upload HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n%b" % (framing, body))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.rest().endswith(b"broken")
        client.socket.close()
    assert app.errors == [ConnectionError, ConnectionError]


def test_an_upload_that_stalls_breaks_in_the_app(client: Client, app: App) -> None:
    client.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
    assert client.rest().endswith(b"broken")
    assert app.errors == [TimeoutError]


def test_a_long_upload_is_read_while_it_comes(client: Client, app: App) -> None:
    body = bytes(range(256)) * 12_000  # three times what is collected, ten times what lies ready
    client.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
    client.send(body)
    assert client.answer() == (200, body)
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(part), part)
        for part in (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    )
    client.send(b"POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(chunks + b"0\r\n\r\n")
    assert client.answer() == (200, body)


def test_an_upload_is_asked_for_only_once_the_app_reads_it(client: Client, app: App) -> None:
    client.send(
        b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000\r\n"
        b"Expect: 100-continue\r\n\r\n"
    )
    assert client.rest().startswith(b"HTTP/1.1 401 ")


def test_a_refused_upload_is_not_read_to_its_end(client: Client) -> None:
    client.send(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000\r\n\r\n")
    client.send(b"a" * 1_000_000)
    found = client.rest()
    assert found.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nConnection: close\r\n" in found


def test_a_body_too_long_to_collect_is_the_apps_to_refuse(port: int, app: App) -> None:
    length = SHORT.body_bytes + 1
    ask(port, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length)
    assert app.environs[0]["CONTENT_LENGTH"] == str(length)
    assert app.bodies == [b""]
    client = Client(port)
    with closing(client.socket):
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(b"200000\r\n" + b"a" * 0x200000)
        assert len(client.answer()[1]) == length


def test_a_reader_that_stalls_ends_its_stream_and_no_other_answer(port: int, app: App) -> None:
    reader = Client(port, buffer_bytes=SMALL_BUFFER)
    reader.send(b"GET /stream/long HTTP/1.1\r\nHost: a\r\n\r\n")
    assert ask(port) == 200
    assert app.closed.wait(PATIENCE_SECONDS)
    with pytest.raises(ConnectionError):  # a whole body would end in good order
        reader.rest()
    reader.socket.close()


def test_a_reader_that_goes_away_ends_its_stream(app: App) -> None:
    with serving(app, limits=only(), lane_of=by_path) as port:
        reader = Client(port, buffer_bytes=SMALL_BUFFER)
        reader.send(b"GET /stream/long HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reader.socket.recv(1)
        reader.socket.close()
        assert app.closed.wait(PATIENCE_SECONDS)


def test_readers_beyond_the_limit_are_told_to_come_again(app: App) -> None:
    with serving(app, limits=only(stop_seconds=0), lane_of=by_path) as port:
        readers = [Client(port, buffer_bytes=SMALL_BUFFER) for _ in range(2)]
        for reader in readers:
            reader.send(b"GET /stream/long HTTP/1.1\r\nHost: a\r\n\r\n")
            assert reader.socket.recv(1)
        last = Client(port)
        last.send(b"GET /stream HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"\r\nRetry-After: 5\r\n" in last.rest()
        assert ask(port) == 200


def test_with_all_threads_busy_it_says_so_and_still_says_that_it_lives(app: App) -> None:
    with serving(app, limits=only()) as port:
        busy = [Client(port) for _ in range(4)]
        for each in busy:
            each.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(2):
            assert app.entered.acquire(timeout=PATIENCE_SECONDS)
        # Two run and two wait: whether they were admitted yet is seen by the next one's answer.
        while ask(port, b"GET /full HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") != 503:
            pass
        assert ask(port, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n") == 200
        probe = Client(port)
        probe.send(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert probe.rest().startswith(b"HTTP/1.1 200 ")
        app.gate.set()
        for each in busy:
            assert each.answer()[0] == 200


def test_who_waits_too_long_for_a_thread_is_told_to_come_again(port: int, app: App) -> None:
    busy = [Client(port) for _ in range(2)]
    for each in busy:
        each.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        assert app.entered.acquire(timeout=PATIENCE_SECONDS)
    assert ask(port) == 503
    app.gate.set()
    for each in busy:
        assert each.answer()[0] == 200
    assert app.bodies == [b"", b""]


def test_where_all_connections_are_taken_the_longest_waiting_one_ends(app: App) -> None:
    with serving(app, limits=only(connections=3)) as port:
        waiting = [Client(port) for _ in range(3)]
        for number, each in enumerate(waiting):
            each.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
            if number == 0:
                assert ask(port) == 200
        assert ask(port) == 200
        assert waiting[0].is_ended()
        waiting[2].send(b"b")
        assert waiting[2].answer() == (200, b"ab")


def test_where_bodies_take_too_much_memory_the_longest_waiting_one_ends(app: App) -> None:
    with serving(app, limits=only(held_bytes=100_000)) as port:
        waiting = [Client(port) for _ in range(3)]
        for each in waiting:
            each.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
            each.send(b"a" * 50_000)
        assert waiting[0].is_ended()
        assert ask(port) == 200


def test_told_to_stop_it_answers_what_it_has_begun(app: App) -> None:
    with serving(app, limits=only(stop_seconds=PATIENCE_SECONDS)) as port:
        busy, idle = Client(port), Client(port)
        busy.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        assert app.entered.acquire(timeout=PATIENCE_SECONDS)
        threading.Timer(0.2, app.gate.set).start()  # once the server knows that it is to stop
    assert busy.answer()[0] == 200
    assert busy.rest() == b""
    assert idle.rest() == b""


def test_who_sends_requests_ahead_and_reads_no_answer_gets_few_of_them() -> None:
    """Neither requests nor answers pile up; all come once they are read."""
    answered: list[str] = []
    big = b"x" * 100_000

    def app(environ: dict[str, str], start_response: Callable[..., object]) -> list[bytes]:
        answered.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Length", str(len(big)))])
        return [big]

    with serving(app, limits=only(write_seconds=PATIENCE_SECONDS)) as port:
        client = Client(port, buffer_bytes=65536)
        client.send(b"GET /ahead HTTP/1.1\r\nHost: a\r\n\r\n" * 300)
        for _ in range(400):  # each gives the loop a turn for the requests ahead
            assert ask(port) == 200
        assert answered.count("/ahead") < 150
        assert [client.answer()[0] for _ in range(300)] == [200] * 300
