"""How fast a provider may be called."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.mail.pace import Pace
from service.mail.provider import TemporaryError
from service.mail.registry import build_provider
from tests.mail.raw import Peer, RawServer
from tests.mail.samples import make_mails, send

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_without_a_rate_every_call_may_begin() -> None:
    pace = Pace()
    pace.take(1000, NOON)
    assert pace.allows(8, NOON) == 8
    assert pace.next_call_at(NOON) is None


@pytest.mark.parametrize(("rate", "most"), [(4, 4), (2.5, 3), (1, 1)])
def test_no_second_has_more_calls_than_the_rate(rate: float, most: int) -> None:
    pace, calls, step = Pace(rate), list[datetime](), SECOND / 20
    for number in range(400):
        now = NOON + number * step
        allowed = pace.allows(8, now)
        pace.take(allowed, now)
        calls += [now] * allowed
    for first in calls:
        assert sum(first <= at < first + SECOND for at in calls) <= most
    assert len(calls) == pytest.approx(20 * rate, abs=most)


def test_next_call_may_begin_when_the_first_of_the_last_second_is_a_second_old() -> None:
    pace = Pace(4)
    pace.take(1, NOON)
    pace.take(3, NOON + SECOND / 2)
    assert pace.allows(8, NOON + SECOND / 2) == 0
    assert pace.next_call_at(NOON + SECOND / 2) == NOON + SECOND
    assert pace.allows(8, NOON + SECOND) == 1


def test_rate_below_one_gives_a_call_at_a_time() -> None:
    pace = Pace(0.1)
    pace.take(pace.allows(8, NOON), NOON)
    assert pace.next_call_at(NOON) == NOON + 10 * SECOND
    assert pace.allows(8, NOON + 9 * SECOND) == 0
    assert pace.allows(8, NOON + 10 * SECOND) == 1


def test_clock_that_is_set_back_holds_nothing_up() -> None:
    pace = Pace(1)
    pace.take(1, NOON)
    pace.note({"RateLimit-Remaining": "0", "RateLimit-Reset": "5"}, NOON)
    assert pace.allows(1, NOON) == 0
    assert pace.allows(1, NOON - 3600 * SECOND) == 1


@pytest.mark.parametrize(
    ("headers", "rest"),
    [
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "3"}, 3),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, 7),
        ({"x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "2"}, 2),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "86400"}, 60),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "3"}, 0),
        ({"RateLimit-Remaining": "0"}, 0),
        ({"RateLimit-Reset": "3"}, 0),
    ],
)
def test_quota_that_is_used_up_is_waited_for(headers: dict[str, str], rest: int) -> None:
    pace = Pace()
    pace.note(headers, NOON)
    assert pace.allows(1, NOON + rest * SECOND) == 1
    if rest:
        assert pace.allows(1, NOON + (rest - 1) * SECOND) == 0
        assert pace.next_call_at(NOON) == NOON + rest * SECOND


@pytest.mark.parametrize("status", [b"200 OK", b"429 Too Many Requests"])
def test_adapter_notes_what_an_answer_says_of_its_quota(status: bytes, tmp_path: Path) -> None:
    def answer(peer: Peer) -> None:
        peer.read_request()
        body = b'{"data": [{"id": "x"}]}'
        peer.send(
            b"HTTP/1.1 " + status + b"\r\nRateLimit-Remaining: 0\r\nRateLimit-Reset: 30\r\n"
            b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )

    with RawServer([answer]) as server:
        provider = build_provider(f"resend://T@{server.host}?scheme=http", mailbox_dir=tmp_path)
        with closing(provider):
            before = datetime.now(UTC)
            assert provider.pace.allows(1, before) == 1
            try:
                send(provider, make_mails(1))
            except TemporaryError:
                assert status.startswith(b"429")
            assert provider.pace.allows(1, before + 29 * SECOND) == 0


@pytest.mark.parametrize("text", ["postmark://T@default", "smtp://mail.example", "mailbox:"])
def test_every_provider_takes_a_rate(text: str, tmp_path: Path) -> None:
    with closing(build_provider(f"{text}?rate=2.5", mailbox_dir=tmp_path)) as provider:
        assert provider.pace.allows(8, NOON) == 3
    with closing(build_provider(text, mailbox_dir=tmp_path)) as provider:
        assert provider.pace.allows(8, NOON) == 8
