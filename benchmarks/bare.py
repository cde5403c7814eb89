"""The limit of the web side: a Flask app with one route that does nothing.

`python -m benchmarks.bare --port N` serves it as `newsflash serve` serves the service.
"""

import argparse
import os
import socket

from flask import Flask

from service.cli.serving.listening import bound_socket
from service.cli.serving.parent import when_parent_is_gone
from service.cli.serving.serve import keep_web
from service.front.limits import LaneName
from service.front.server import run

WORKERS = 2

app = Flask(__name__)


@app.get("/")
def bare() -> dict[str, str]:
    """Answer as short as our own signup does, without any work."""
    return {"status": "pending"}


def serve(bound: socket.socket, parent: int, _number: int) -> None:
    """Serve it in this process."""
    when_parent_is_gone(parent, lambda: os._exit(0))
    run(app, bound, lane_of=lambda _method, _path: LaneName.REQUESTS, alive_paths=frozenset())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    keep_web(serve, bound_socket("127.0.0.1", given.port), workers=WORKERS)
