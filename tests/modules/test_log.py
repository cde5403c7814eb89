"""What is logged of an unexpected error: where it happened, and nothing that it was about."""

import json
import logging
import os
import socket
import sqlite3
import sys
import threading
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy.exc import OperationalError

from service.domain.address import parse_address
from service.domain.errors import AddressError
from service.log import SOMETIMES_SECONDS, Sometimes, error_fields, own_process

ADDRESS = "ann@secret.example"


def _raise(error: BaseException, *, after: BaseException, openly: bool = True) -> None:
    try:
        raise after
    except type(after):
        if openly:
            raise error  # noqa: B904 - the very case
        raise error from None


def test_the_kinds_of_the_whole_chain_are_told_and_no_message():
    cause = sqlite3.IntegrityError(f"no such row: {ADDRESS}")
    error = OperationalError(f"SELECT '{ADDRESS}'", {"email": ADDRESS}, cause)
    with pytest.raises(OperationalError) as caught:
        _raise(error, after=cause)
    fields = error_fields(caught.value)
    assert (fields["error"], fields["caused_by"]) == ("OperationalError", ["IntegrityError"])
    assert ADDRESS not in str(fields)
    assert "SELECT" not in str(fields)


@pytest.mark.parametrize(("openly", "causes"), [(True, ["KeyError"]), (False, [])])
def test_an_error_raised_while_another_was_handled_names_both(openly: bool, causes: list[str]):
    with pytest.raises(ValueError, match="secret") as caught:
        _raise(ValueError(ADDRESS), after=KeyError(ADDRESS), openly=openly)
    assert error_fields(caught.value)["caused_by"] == causes


def test_the_frames_are_our_own_code_from_the_outside_in():
    with pytest.raises(AddressError) as caught:
        parse_address(f"{ADDRESS} {ADDRESS}")
    fields = error_fields(caught.value)
    assert fields["frames"]
    assert all(frame.startswith("service/domain/address.py:") for frame in fields["frames"])
    assert fields["frames"][0].endswith(" parse_address")
    assert ADDRESS not in str(fields)


def test_an_error_that_is_its_own_cause_ends():
    error = ValueError("loop")
    error.__cause__ = error
    assert error_fields(error)["error"] == "ValueError"


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    own_process("worker")
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


Lines = Callable[[], list[dict[str, Any]]]


def test_every_line_says_where_it_comes_from(lines: Lines):
    structlog.get_logger("any").info("something")
    (line,) = lines()
    assert (line["process"], line["pid"], line["host"]) == (
        "worker",
        os.getpid(),
        socket.gethostname(),
    )
    assert line["level"] == "info"
    assert datetime.fromisoformat(line["timestamp"]).tzinfo is not None


def test_what_libraries_log_is_a_line_without_what_they_fill_in(lines: Lines):
    log = logging.getLogger("sqlalchemy.pool")
    cause = OperationalError(f"SELECT '{ADDRESS}'", {}, sqlite3.OperationalError(ADDRESS))
    log.error("Exception during reset of %r", ADDRESS, exc_info=cause)
    log.warning("error ignored in rollback on %s: %s", ADDRESS, ValueError(ADDRESS))
    log.warning("two\nlines of %s", ADDRESS)
    log.warning(f"sent to {ADDRESS} by https://example.org/{'x' * 50}")  # noqa: G004 - as some do
    log.info("nothing to worry about")
    first, second, third, fourth = lines()
    assert first["event"] == "Exception during reset of %r"
    assert (first["logger"], first["level"]) == ("sqlalchemy.pool", "error")
    assert first["error"] == "OperationalError"
    assert (second["event"], second["error"]) == (
        "error ignored in rollback on %s: %s",
        "ValueError",
    )
    assert third["event"] == "two"
    assert fourth["event"] == "sent to […] by […]"
    assert ADDRESS not in str((first, second, third, fourth))


def test_a_warning_is_a_line(lines: Lines):
    warnings.showwarning(f"odd {ADDRESS}", UserWarning, str(Path(__file__)), 7)
    (line,) = lines()
    assert (line["event"], line["category"], line["text"]) == ("warning", "UserWarning", "odd […]")
    assert line["place"] == "tests/modules/test_log.py:7"


def test_what_ends_a_thread_or_the_process_is_one_line(lines: Lines):
    thread = threading.Thread(target=parse_address, args=(f"{ADDRESS} {ADDRESS}",), name="chore x")
    thread.start()
    thread.join()
    try:
        parse_address(f"{ADDRESS} {ADDRESS}")
    except AddressError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    in_thread, at_end = lines()
    assert (in_thread["event"], in_thread["thread"]) == ("unexpected error", "chore x")
    assert in_thread["error"] == at_end["error"] == "AddressError"
    assert ADDRESS not in str((in_thread, at_end))


def test_what_strangers_cause_is_one_line_a_minute_and_kind(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
):
    refused, now = Sometimes("requests refused"), [1000.0]
    monkeypatch.setattr("service.log.time.monotonic", lambda: now[0])
    for _ in range(500):
        refused.warn("host")
    refused.warn("limit", policy="client-60")
    now[0] += SOMETIMES_SECONDS
    refused.warn("host")
    assert [(line["kind"], line["count"]) for line in lines()] == [
        ("host", 1),
        ("limit", 1),
        ("host", 500),
    ]
