"""Schemathesis over the contract: whatever is sent, the answer is one that the contract speaks of.

Every check of schemathesis is on, with every phase: examples, corner cases, made-up requests, and
calls that follow from one another. `NEWSFLASH_FUZZ_EXAMPLES` says how many requests are made up for
each call: `NEWSFLASH_FUZZ_EXAMPLES=400` makes more than 20,000 requests in all.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.config._checks import PositiveDataAcceptanceConfig
from schemathesis.engine import events, from_schema
from schemathesis.schemas import BaseSchema
from sqlalchemy.engine import make_url
from werkzeug.serving import WSGIRequestHandler, make_server

from service.app import create_app, services_of
from tests.conftest import make_settings

EXAMPLES = int(os.environ.get("NEWSFLASH_FUZZ_EXAMPLES", "6"))
# What JSON Schema cannot say (an address, a cursor, a column's name) is a 422; of a header, a 400.
MAY_REFUSE = ["2xx", "3xx", "400", "401", "403", "404", "409", "410", "413", "415", "422", "429"]
EXPECTED = {
    # `GET /unsubscribe/undo` is `GET /unsubscribe/<token>`, with a token that nobody has.
    ("POST /unsubscribe/undo", "allow_header_conformance"),
    ("POST /unsubscribe/reason", "allow_header_conformance"),
    # A multipart body without any part is an empty form, and no reason is a reason not to insist.
    ("POST /unsubscribe/reason", "negative_data_rejection"),
}


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        """Say nothing: a run makes thousands of requests."""


@pytest.fixture
def contract(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BaseSchema]:
    """The contract of a running service, with a key that may do everything."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    shutil.copyfile(sqlite_template, tmp_path / "newsflash.db")
    app = create_app(make_settings(make_url(f"sqlite:///{tmp_path}/newsflash.db"), tmp_path))
    services = services_of(app)
    key = services.keys.create("fuzz", "admin", actor="test")
    project = ProjectConfig(
        headers={"Authorization": f"Bearer {key}"},
        continue_on_failure=True,
        generation=GenerationConfig(deterministic=True, max_examples=EXAMPLES, no_shrink=True),
        checks=ChecksConfig(
            positive_data_acceptance=PositiveDataAcceptanceConfig(expected_statuses=MAY_REFUSE)
        ),
    )
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield schemathesis.openapi.from_url(
        f"http://127.0.0.1:{server.server_port}/openapi.yaml",
        config=SchemathesisConfig(projects=ProjectsConfig(default=project)),
    )
    server.shutdown()
    thread.join()
    server.server_close()
    services_of(app).close()


def test_every_answer_is_as_the_contract_says(contract: BaseSchema) -> None:
    wrong: dict[tuple[str, str, str], str] = {}
    requests = 0
    for event in from_schema(contract).execute():
        assert not isinstance(event, events.FatalError), event.exception
        if isinstance(event, events.NonFatalError):
            wrong[event.label, "error", type(event.value).__name__] = str(event.info)
        if not isinstance(event, events.ScenarioFinished):
            continue
        requests += len(event.recorder.interactions)
        for checks in event.recorder.checks.values():
            for check in checks:
                found = check.failure_info
                if found is None or (event.recorder.label, check.name) in EXPECTED:
                    continue
                what = (event.recorder.label, check.name, found.failure.title)
                wrong.setdefault(what, f"{found.failure.message}\n{found.code_sample}"[:1500])
    assert not wrong, "\n\n".join(f"{' | '.join(what)}\n{how}" for what, how in wrong.items())
    assert requests > 500
