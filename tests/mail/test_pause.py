from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import time_machine
from requests.structures import CaseInsensitiveDict

from service.mail.pause import pause_asked_for

THEIRS = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def http_date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"retry-after": "17", "X-RateLimit-Reset": "99"}, 17),
        ({"Retry-After": http_date(THEIRS + timedelta(minutes=1))}, 60),
        ({"Retry-After": http_date(THEIRS - timedelta(minutes=1))}, 0),
        ({"RateLimit-Reset": "4"}, 4),
        ({"X-Sib-RateLimit-Reset": "5"}, 5),
        ({"X-RateLimit-Reset": str(int(THEIRS.timestamp()) + 9)}, 9),
        ({"X-RateLimit-Reset": str((int(THEIRS.timestamp()) + 9) * 1000)}, 9),
        ({"Retry-After": "soon", "RateLimit-Reset": "4"}, 4),
        ({"Retry-After": "-3"}, 0),
        ({"Retry-After": "9" * 8}, 3600),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_pause_is_what_the_headers_ask_for(headers: dict[str, str], seconds: int | None) -> None:
    answered = CaseInsensitiveDict({"Date": http_date(THEIRS), **headers})
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert pause_asked_for(429, answered) == expected


def test_a_quota_that_begins_anew_tomorrow_pauses_nobody_for_a_fault_today() -> None:
    quota = CaseInsensitiveDict({"X-RateLimit-Reset": "80000", "X-RateLimit-Remaining": "9000"})
    assert pause_asked_for(502, quota) is None
    assert pause_asked_for(503, {**quota, "Retry-After": "7"}) == timedelta(seconds=7)


def test_date_counts_from_our_clock_where_the_answer_has_none() -> None:
    with time_machine.travel(THEIRS, tick=False):
        pause = pause_asked_for(503, {"Retry-After": http_date(THEIRS + timedelta(seconds=8))})
    assert pause == timedelta(seconds=8)
