"""What an app keeps for a request is there for the whole of its answer, whichever thread asks."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, cast

from flask import Flask, Response, current_app, request, stream_with_context
from werkzeug.test import EnvironBuilder

from service.front.exchange import Answer, Exchange
from service.front.lane import Lane


class EachInItsThread:
    """A lane and a loop: each step has a new thread, and is waited for."""

    def run(self, step: Callable[[], None]) -> None:
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()

    def call_soon_threadsafe(self, call: Callable[..., None], *given: Any) -> None:
        call(*given)


class Asker:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Answer | bytes | None] = []

    def answered(self, _exchange: Exchange, answer: Answer) -> None:
        self.told.append(answer)

    def streamed(self, _exchange: Exchange, block: bytes | None) -> None:
        self.told.append(block)


def test_a_streamed_answer_knows_its_request_in_every_thread() -> None:
    app = Flask("streaming")
    ended: list[str] = []

    @app.get("/")
    def stream() -> Response:
        def blocks() -> Any:
            try:
                for _ in range(3):
                    yield f"{request.args['name']} {current_app.name}"
            finally:
                ended.append(request.path)

        return Response(stream_with_context(blocks()))

    asker, threads = Asker(), EachInItsThread()
    exchange = Exchange(
        app,
        EnvironBuilder("/", query_string={"name": "ada"}).get_environ(),
        lane=cast(Lane, threads),
        loop=cast(asyncio.AbstractEventLoop, threads),
        asker=asker,
    )
    for _ in range(3):
        exchange.next_block()
    first, *rest = asker.told
    assert isinstance(first, Answer)
    assert (first.body, rest) == (b"ada streaming", [b"ada streaming", b"ada streaming", None])
    assert (ended, exchange.has_failed) == (["/"], False)
