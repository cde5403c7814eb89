"""Delivery with a mail API that fails in every way: nothing is lost, nobody mailed twice."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import zip_longest
from typing import Any

import pytest
import time_machine
from sqlalchemy import Engine, func, select, update
from sqlalchemy.exc import OperationalError

from service.clock import utc_now
from service.domain.delivery.retry import BATCH_LEASE, SendOutcome
from service.log import configure_logging
from service.mail.pace import Pace
from service.mail.provider import (
    Mail,
    MisconfiguredError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    SendResult,
    TemporaryError,
)
from service.store.delivery import settlements, still_wanted
from service.store.tables.delivery import OutboxBatch, OutboxMessage
from service.store.tables.lists import MailingList
from service.store.tables.people import Subscriber
from service.usecases.delivery.deliver import Deliver, MailSettings
from service.usecases.delivery.providers import GuardedProvider, ProviderPool
from service.usecases.lists.lists import Lists
from service.usecases.operations.worker import Worker
from tests.fakes import FakeProvider, fails, take
from tests.scenario import ADA, NOON, Scenario

GRACE = timedelta(seconds=30)
KEY_LIFE = timedelta(hours=24)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BOB = "bob@example.org"


def make(
    scenario: Scenario,
    *providers: FakeProvider,
    grace: timedelta = GRACE,
    pause: Callable[[float], None] = time.sleep,
    names: Sequence[str] = (),
) -> Deliver:
    settings = scenario.services.settings
    return Deliver(
        scenario.engine,
        pool=ProviderPool(
            [
                GuardedProvider(provider, name=name)
                for provider, name in zip_longest(providers, names)
            ]
        ),
        lists=Lists(scenario.engine),
        tokens=scenario.tokens,
        settings=MailSettings(
            public_url=settings.public_url,
            sender=settings.mail_from,
            confirm_days=settings.confirm_days,
            address_hash_key=settings.address_hash_key,
            unknown_grace=grace,
        ),
        jitter=lambda: 0.5,
        pause=pause,
    )


def run(deliver: Deliver) -> int:
    """Deliver until nothing is due now; return how many calls were made."""
    count = 0
    while found := deliver.claim(calls=4):
        for batch in found:
            deliver.deliver(batch)
            count += 1
        assert count < 100, "it does not end"
    return count


def batch_rows(scenario: Scenario) -> int:
    count: int = scenario.rows(select(func.count()).select_from(OutboxBatch))[0][0]
    return count


def test_owed_mail_is_composed_handed_over_and_settled(scenario: Scenario):
    provider = FakeProvider()
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up()
        assert run(make(scenario, provider)) == 1
        link, leave = scenario.confirm_link(), scenario.unsubscribe_link()
    ((key, (mail,)),) = provider.calls
    assert mail.recipient == ADA
    assert f"/confirm/{link}" in mail.text
    assert f"/confirm/{link}" in mail.html
    assert scenario.code() in mail.text.replace(" ", "")
    assert mail.headers["List-Unsubscribe"].endswith(f"/unsubscribe/{leave}>")
    (message,) = scenario.messages()
    assert (message.status, message.attempts) == ("accepted", 1)
    assert message.provider_message_id == f"at-provider-{message.id}"
    assert message.settled_at == NOON
    assert key
    assert batch_rows(scenario) == 0


@pytest.mark.parametrize(
    ("reason", "kind", "is_mailed"),
    [
        ("hard_bounce", "confirm", False),
        ("complaint", "confirm", False),
        ("manual", "confirm", False),
        ("erased", "confirm", True),
        ("erased", "already_subscribed", False),
    ],
)
def test_suppression_is_looked_up_when_a_mail_is_sent(
    scenario: Scenario, reason: str, kind: str, is_mailed: bool
):
    scenario.sign_up(BOB)
    scenario.sign_up()
    if kind == "already_subscribed":
        scenario.set_message(scenario.messages()[0].id, kind=kind)
    scenario.suppress(ADA, reason)
    provider = FakeProvider()
    run(make(scenario, provider))
    assert provider.recipients.count(ADA) == is_mailed
    assert provider.recipients.count(BOB) == 1
    (message,) = scenario.messages()
    assert message.status == ("accepted" if is_mailed else "withheld")
    assert message.last_error == (None if is_mailed else "suppressed")


def test_nobody_is_called_for_suppressed_mail_alone(scenario: Scenario):
    scenario.sign_up()
    scenario.suppress(ADA, "complaint")
    provider = FakeProvider()
    run(make(scenario, provider))
    assert provider.calls == []
    assert batch_rows(scenario) == 0


def test_nobody_is_mailed_about_what_they_have_left_meanwhile(scenario: Scenario):
    scenario.make_lists("essays")
    provider = FakeProvider()
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(ADA)
        scenario.sign_up(BOB, "news-flash", "essays")
        for email in (ADA, BOB):
            scenario.services.end_subscription(
                scenario.person(email).id, "news-flash", actor="test"
            )
        clock.shift(11 * MINUTE)
        scenario.sign_up(ADA)
        run(make(scenario, provider))
    assert sorted(provider.recipients) == [ADA, BOB]
    first, second = scenario.messages(ADA)
    assert (first.status, first.last_error, first.attempts) == ("withheld", "ended", 0)
    assert second.status == "accepted"


def test_a_worker_that_dies_after_the_call_leaves_the_suppressed_out_of_the_retry(
    scenario: Scenario,
):
    """The call that is made again carries the same mails, and no other."""
    provider = FakeProvider(fails(SystemExit()), take, key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.sign_up(BOB)
        scenario.suppress(ADA, "complaint")
        deliver = make(scenario, provider)
        (batch,) = deliver.claim(calls=1)
        with pytest.raises(SystemExit):
            deliver.deliver(batch)
        clock.shift(BATCH_LEASE)
        run(make(scenario, provider))
    assert provider.recipients == [BOB, BOB]
    assert len({key for key, _ in provider.calls}) == 1
    assert scenario.messages()[0].status == "withheld"
    assert scenario.messages(BOB)[0].status == "accepted"


def test_a_retry_of_an_uncertain_call_is_the_same_call(scenario: Scenario):
    provider = FakeProvider(fails(OutcomeUnknownError("timeout")), take, key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.sign_up(BOB)
        run(make(scenario, provider))
        assert {row.status for row in scenario.messages()} == {"sending"}
        clock.shift(3 * SECOND)
        run(make(scenario, provider))
    (first, second) = provider.calls
    assert first == second
    assert {row.status for row in [*scenario.messages(), *scenario.messages(BOB)]} == {"accepted"}
    assert batch_rows(scenario) == 0


def die_in_the_call(scenario: Scenario, *providers: FakeProvider, **more: Any) -> None:
    """Claim, call the first provider, and end as a killed worker does: nothing is settled."""
    deliver = make(scenario, *providers, **more)
    (batch,) = deliver.claim(calls=1)
    with pytest.raises(SystemExit):
        deliver.deliver(batch)


def test_a_key_is_kept_however_long_all_workers_are_down(scenario: Scenario):
    provider = FakeProvider(fails(SystemExit()), take, key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        die_in_the_call(scenario, provider)
        clock.shift(timedelta(hours=5))
        run(make(scenario, provider))
    (first, second) = provider.calls
    assert first == second
    assert scenario.messages()[0].status == "accepted"


def test_a_key_that_the_provider_has_forgotten_is_not_used_again(scenario: Scenario):
    provider = FakeProvider(fails(SystemExit()), take, key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        die_in_the_call(scenario, provider)
        clock.shift(KEY_LIFE)
        run(make(scenario, provider))
    (first, second) = provider.calls
    assert first[0] != second[0]
    assert scenario.messages()[0].status == "accepted"


def test_a_long_outage_before_it_does_not_cost_an_uncertain_call_its_key(scenario: Scenario):
    answers = [fails(TemporaryError("503"))] * 8 + [fails(OutcomeUnknownError("timeout")), take]
    provider = FakeProvider(*answers, key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        for _ in range(12):
            run(make(scenario, provider))
            clock.shift(MINUTE)
    assert len(provider.calls) == 10
    assert provider.calls[8] == provider.calls[9]


def test_many_uncertain_calls_keep_their_keys_while_one_at_a_time_probes(scenario: Scenario):
    """A pause lets one call through in 30 s; the batches that wait for it are not dissolved."""
    emails = [f"p{number}@example.org" for number in range(6)]
    answers = [fails(OutcomeUnknownError("timeout"))] * 14 + [take]
    provider = FakeProvider(*answers, batch_size=1, key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        for email in emails:
            scenario.sign_up(email)
        deliver = make(scenario, provider)
        for _ in range(60):
            run(deliver)
            clock.shift(timedelta(seconds=31))
    keys: dict[str, set[str]] = {}
    for key, (mail,) in provider.calls:
        keys.setdefault(mail.recipient, set()).add(key)
    assert {email: len(keys[email]) for email in emails} == dict.fromkeys(emails, 1)
    assert {scenario.messages(email)[0].status for email in emails} == {"accepted"}


@pytest.mark.parametrize("refusal", [TemporaryError("409"), MisconfiguredError("401")])
def test_a_refused_retry_says_nothing_of_the_call_before_it(scenario: Scenario, refusal: Exception):
    first = FakeProvider(
        fails(OutcomeUnknownError("timeout")), fails(refusal), take, name="first", key_life=KEY_LIFE
    )
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, first, second, grace=timedelta(hours=1))
        for _ in range(5):
            run(deliver)
            clock.shift(MINUTE)
    assert len({key for key, _ in first.calls}) == 1
    assert (len(first.calls), second.calls) == (3, [])
    assert scenario.messages()[0].status == "accepted"


def test_a_paused_provider_hands_an_uncertain_call_on_once_the_grace_is_over(scenario: Scenario):
    first = FakeProvider(fails(OutcomeUnknownError("timeout")), name="first", key_life=KEY_LIFE)
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, first, second)
        for _ in range(200):
            run(deliver)
            if second.calls:
                break
            clock.shift(SECOND)
        assert utc_now() - NOON >= GRACE
    assert {key for key, _ in first.calls} != {key for key, _ in second.calls}
    assert scenario.messages()[0].status == "accepted"


def test_calls_are_under_way_together(scenario: Scenario):
    both = threading.Barrier(2, timeout=10)

    def answer(mails: Sequence[Mail], key: str) -> Sequence[SendResult]:
        both.wait()
        return take(mails, key)

    provider = FakeProvider(answer, batch_size=1)
    for email in (ADA, BOB):
        scenario.sign_up(email)
    deliver = make(scenario, provider)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(deliver.deliver, deliver.claim(calls=2)))
    assert {scenario.messages(email)[0].status for email in (ADA, BOB)} == {"accepted"}


def test_mail_waits_for_the_pace_of_a_provider_that_is_well(scenario: Scenario):
    first = FakeProvider(name="first", batch_size=1, pace=Pace(2))
    second = FakeProvider(name="second")
    emails = [f"reader{number}@example.org" for number in range(5)]
    with time_machine.travel(NOON, tick=False) as clock:
        for email in emails:
            scenario.sign_up(email)
        deliver = make(scenario, first, second)
        calls = [run(deliver)]
        assert deliver.next_due_at() == NOON + SECOND
        for _ in range(4):
            clock.shift(SECOND / 2)
            calls.append(run(deliver))
    assert calls == [2, 0, 2, 0, 1]
    assert second.calls == []
    assert {scenario.messages(email)[0].status for email in emails} == {"accepted"}


@pytest.mark.parametrize("key_life", [timedelta(0), KEY_LIFE], ids=["no key", "key"])
def test_a_claim_whose_call_never_began_is_looked_at_anew(scenario: Scenario, key_life: timedelta):
    provider = FakeProvider(key_life=key_life)
    with time_machine.travel(NOON, tick=False) as clock:
        for email in (ADA, BOB):
            scenario.sign_up(email)
        make(scenario, provider).claim(calls=1)  # and its process dies
        clock.shift(BATCH_LEASE)
        scenario.leave(ADA)
        run(make(scenario, provider))
    assert provider.recipients == [BOB]
    assert scenario.messages(ADA)[0].status == "withheld"
    assert scenario.messages(BOB)[0].attempts == 1, "only a call is an attempt"


def test_a_database_that_fails_before_the_call_lets_no_suppressed_address_through(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
):
    provider = FakeProvider(key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.suppress(ADA, "complaint")
        deliver = make(scenario, provider)
        (batch,) = deliver.claim(calls=1)
        with monkeypatch.context() as patched:
            patched.setattr(still_wanted, "suppressed", raises_operational)
            with pytest.raises(OperationalError):
                deliver.deliver(batch)
        clock.shift(2 * MINUTE)
        run(deliver)
    assert provider.calls == []
    assert scenario.messages()[0].status == "withheld"


def raises_operational(*_: object) -> None:
    raise OperationalError("SELECT", None, Exception())


@pytest.mark.parametrize("stalled", [BATCH_LEASE - 10 * SECOND, 2 * MINUTE], ids=["short", "over"])
def test_a_worker_that_stalled_before_the_call_does_not_call(
    scenario: Scenario, stalled: timedelta
):
    provider = FakeProvider()
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        late = make(scenario, provider)
        (batch,) = late.claim(calls=1)
        clock.shift(stalled + SECOND)
        if stalled > BATCH_LEASE:
            run(make(scenario, provider))
        late.deliver(batch)
        clock.shift(MINUTE)
        run(make(scenario, provider))
    assert provider.recipients == [ADA]
    assert scenario.messages()[0].status == "accepted"


@pytest.mark.parametrize(
    ("key_life", "is_same_key"), [(KEY_LIFE, True), (timedelta(0), False)], ids=["keys", "none"]
)
def test_a_worker_that_dies_before_it_settles_an_answer_leaves_an_uncertain_call(
    scenario: Scenario,
    monkeypatch: pytest.MonkeyPatch,
    key_life: timedelta,
    is_same_key: bool,
):
    provider = FakeProvider(key_life=key_life)
    emails = [f"reader{number}@example.org" for number in range(3)]
    with time_machine.travel(NOON, tick=False) as clock:
        for email in emails:
            scenario.sign_up(email)
        dying = make(scenario, provider)
        (batch,) = dying.claim(calls=1)
        with monkeypatch.context() as patched:
            patched.setattr(settlements, "settle", raises_exit)
            with pytest.raises(SystemExit):
                dying.deliver(batch)
        assert {scenario.messages(email)[0].status for email in emails} == {"sending"}
        clock.shift(max(BATCH_LEASE, GRACE))
        assert run(make(scenario, provider)) == 1
    (first_key, first), (second_key, second) = provider.calls
    assert (first_key == second_key) is is_same_key
    assert first == second
    assert {scenario.messages(email)[0].status for email in emails} == {"accepted"}
    assert batch_rows(scenario) == 0


def raises_exit(*_: object, **__: object) -> None:
    raise SystemExit


def test_mail_that_goes_alone_does_not_wait_for_a_backlog_to_end(scenario: Scenario):
    provider = FakeProvider(batch_size=1)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.set_message(scenario.messages()[0].id, is_alone=True)
        deliver = make(scenario, provider)
        for number in range(4):
            clock.shift(SECOND)
            scenario.sign_up(f"reader{number}@example.org")
            (batch,) = deliver.claim(calls=1)
            deliver.deliver(batch)
    assert ADA in provider.recipients


def test_a_provider_that_keeps_to_its_pace_does_not_hold_up_what_another_has_begun(
    scenario: Scenario,
):
    paced = FakeProvider(name="paced", pace=Pace(0.01))
    other = FakeProvider(fails(SystemExit()), take, name="other", key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        die_in_the_call(scenario, other)
        clock.shift(BATCH_LEASE)
        deliver = make(scenario, paced, other)
        paced.pace.take(1, utc_now())
        assert run(deliver) == 1
    assert len({key for key, _ in other.calls}) == 1
    assert scenario.messages()[0].status == "accepted"


def test_a_grace_longer_than_a_lease_holds_for_a_worker_that_died_too(scenario: Scenario):
    provider = FakeProvider(fails(SystemExit()), take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        die_in_the_call(scenario, provider)
        clock.shift(BATCH_LEASE)
        assert run(make(scenario, provider, grace=5 * MINUTE)) == 0
        clock.move_to(NOON + 5 * MINUTE - SECOND)
        assert run(make(scenario, provider, grace=5 * MINUTE)) == 0
        clock.shift(SECOND)
        assert run(make(scenario, provider, grace=5 * MINUTE)) == 1


@pytest.mark.parametrize("faults", [1, 5])
def test_what_a_provider_took_is_settled_though_the_database_failed_meanwhile(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, faults: int
):
    left = [OperationalError("update", {}, Exception("gone"))] * faults
    settle = settlements.settle

    def faulty(*given: Any, **named: Any) -> bool:
        if left:
            raise left.pop()
        return settle(*given, **named)

    monkeypatch.setattr(settlements, "settle", faulty)
    provider = FakeProvider()
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        run(make(scenario, provider, pause=clock.shift))
        assert scenario.messages()[0].status == "accepted"
        clock.shift(2 * BATCH_LEASE)
        run(make(scenario, provider))
    assert left == []
    assert len(provider.calls) == 1


def test_a_database_that_stays_away_is_given_up_when_the_lease_ends(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
):
    def away(*_given: Any, **_named: Any) -> bool:
        raise OperationalError("update", {}, Exception("gone"))

    monkeypatch.setattr(settlements, "settle", away)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, FakeProvider(), pause=clock.shift)
        (batch,) = deliver.claim(calls=1)
        with pytest.raises(OperationalError):
            deliver.deliver(batch)
        assert utc_now() - batch.lease_until < 2 * SECOND


def test_without_a_guard_an_uncertain_call_rests_for_the_grace(scenario: Scenario):
    provider = FakeProvider(fails(OutcomeUnknownError("timeout")), take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        run(make(scenario, provider))
        clock.shift(GRACE - SECOND)
        assert run(make(scenario, provider)) == 0
        clock.shift(SECOND)
        assert run(make(scenario, provider)) == 1
    assert scenario.messages()[0].status == "accepted"


def test_a_message_that_the_answer_forgot_is_uncertain(scenario: Scenario):
    def forget_ada(mails: Sequence[Mail], key: str) -> list[SendResult]:
        return [each for each in take(mails, key) if each.message_id != ada]

    provider = FakeProvider(forget_ada, take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        scenario.sign_up(BOB)
        ada = scenario.messages()[0].id
        run(make(scenario, provider))
        assert (scenario.messages()[0].status, scenario.messages()[0].last_error) == (
            "queued",
            "no_result",
        )
        assert scenario.messages(BOB)[0].status == "accepted"
        clock.shift(GRACE)
        run(make(scenario, provider))
    assert provider.recipients.count(BOB) == 1
    assert scenario.messages()[0].status == "accepted"


@pytest.mark.parametrize(
    "error", [KeyError("a bug"), RecursionError(), UnicodeDecodeError("utf-8", b"", 0, 1, "x")]
)
def test_a_fault_in_an_adapter_is_an_uncertain_call_not_a_lost_one(
    scenario: Scenario, error: Exception
):
    provider = FakeProvider(fails(error), take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        run(make(scenario, provider))
        assert (scenario.messages()[0].status, scenario.messages()[0].last_error) == (
            "queued",
            "adapter_fault",
        )
        clock.shift(GRACE)
        run(make(scenario, provider))
    assert scenario.messages()[0].status == "accepted"


def test_an_id_that_no_database_keeps_does_not_mail_anyone_again(scenario: Scenario):
    def odd(mails: Sequence[Mail], _key: str) -> list[SendResult]:
        return [
            SendResult(
                message_id=mail.message_id,
                outcome=SendOutcome.ACCEPTED,
                provider_message_id="a\0\ud800b",
            )
            for mail in mails
        ]

    provider = FakeProvider(odd)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        run(make(scenario, provider))
        clock.shift(10 * MINUTE)
        run(make(scenario, provider))
    assert len(provider.calls) == 1
    assert scenario.messages()[0].status == "accepted"
    assert scenario.messages()[0].provider_message_id is None


POISONED = "=?utf-8?q?=0a?=@example.org"


def poison(scenario: Scenario, email: str) -> None:
    """Give a person an address that was taken before such were refused."""
    with scenario.engine.begin() as connection:
        connection.execute(
            update(Subscriber)
            .where(Subscriber.id == scenario.person(email).id)
            .values(email=POISONED, email_key=POISONED)
        )


@pytest.mark.parametrize("batch_size", [1, 100])
def test_poisoned_addresses_delay_no_other_mail_and_are_given_up(
    scenario: Scenario, batch_size: int
):
    emails = [f"reader{number}@example.org" for number in range(6)]
    with time_machine.travel(NOON, tick=False):
        for email in emails:
            scenario.sign_up(email)
        bad = scenario.messages(emails[2])[0].id
        poison(scenario, emails[2])
        provider = FakeProvider(batch_size=batch_size, spoilt={emails[4]})
        run(make(scenario, provider))
    del emails[2]
    found = {email: scenario.messages(email)[0] for email in emails}
    assert [found[email].status for email in emails] == [
        "accepted",
        "accepted",
        "accepted",
        "failed",
        "accepted",
    ]
    assert found["reader4@example.org"].last_error == "not_sendable"
    (row,) = scenario.rows(select(OutboxMessage.__table__).where(OutboxMessage.id == bad))
    assert (row.status, row.last_error) == ("failed", "address_unsupported")
    assert len(provider.calls) == (4 if batch_size == 1 else 1)
    assert batch_rows(scenario) == 0


JORG = "jörg@example.org"


@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_mail_goes_to_the_provider_that_carries_its_address(scenario: Scenario, batch_size: int):
    first = FakeProvider(name="first", takes_utf8=False, batch_size=batch_size)
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False):
        for email in (ADA, JORG, BOB):
            scenario.sign_up(email)
        run(make(scenario, first, second))
    assert sorted(first.recipients) == [ADA, BOB]
    assert second.recipients == [JORG]
    message = scenario.messages(JORG)[0]
    assert (message.status, message.attempts, message.provider) == ("accepted", 1, "second")
    assert batch_rows(scenario) == 0


def test_a_mail_that_only_a_paused_provider_carries_waits_for_it(scenario: Scenario):
    first = FakeProvider(name="first", takes_utf8=False)
    second = FakeProvider(fails(TemporaryError("503")), take, name="second")
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(JORG)
        scenario.sign_up(ADA)
        deliver = make(scenario, first, second)
        run(deliver)
        assert first.recipients == [ADA]
        assert (len(second.calls), scenario.messages(JORG)[0].status) == (1, "queued")
        for _ in range(30):
            clock.shift(SECOND)
            run(deliver)
    assert len(second.calls) == 2
    assert scenario.messages(JORG)[0].status == "accepted"


def test_a_mail_that_nobody_carries_is_given_up_and_delays_nobody(scenario: Scenario):
    first, second = (FakeProvider(name=name, takes_utf8=False) for name in ("first", "second"))
    with time_machine.travel(NOON, tick=False):
        for email in (ADA, JORG):
            scenario.sign_up(email)
        run(make(scenario, first, second))
    message = scenario.messages(JORG)[0]
    assert (message.status, message.last_error) == ("failed", "address_unsupported")
    assert (len(first.calls), len(second.calls)) == (1, 0)
    assert scenario.messages(ADA)[0].status == "accepted"


def test_an_international_domain_is_carried_by_all(scenario: Scenario):
    provider = FakeProvider(takes_utf8=False)
    scenario.sign_up("ada@bücher.example.org")
    run(make(scenario, provider))
    assert provider.recipients == ["ada@xn--bcher-kva.example.org"]


def test_a_list_with_a_sender_that_is_none_delays_no_other_lists_mail(scenario: Scenario):
    scenario.make_lists("essays")
    with scenario.engine.begin() as connection:
        connection.execute(
            update(MailingList)
            .where(MailingList.slug == "essays")
            .values(sender="Name <n@example.org")
        )
    scenario.sign_up(ADA, "essays")
    scenario.sign_up(BOB, "news-flash")
    provider = FakeProvider()
    run(make(scenario, provider))
    assert {scenario.messages(email)[0].status for email in (ADA, BOB)} == {"accepted"}
    senders = {mail.sender.quoted for mail in provider.calls[0][1]}
    assert senders == {'"Newsflash" <newsletter@localhost>'}


def test_a_row_that_cannot_be_composed_holds_nobody_up(scenario: Scenario):
    scenario.sign_up()
    scenario.sign_up(BOB)
    scenario.set_message(scenario.messages()[0].id, refs=[])
    provider = FakeProvider()
    run(make(scenario, provider))
    assert provider.recipients == [BOB]
    assert (scenario.messages()[0].status, scenario.messages()[0].last_error) == (
        "failed",
        "not_composable",
    )
    assert scenario.messages(BOB)[0].status == "accepted"


def test_a_database_that_fails_while_mail_is_composed_costs_no_mail(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
):
    provider = FakeProvider()
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        with monkeypatch.context() as patch:
            broken = OperationalError("select", {}, Exception("gone"))
            patch.setattr(Lists, "by_ids", lambda *_: (_ for _ in ()).throw(broken))
            (batch,) = deliver.claim(calls=1)
            with pytest.raises(OperationalError):
                deliver.deliver(batch)
        assert provider.calls == []
        clock.shift(BATCH_LEASE)
        run(deliver)
    assert scenario.messages()[0].status == "accepted"


def test_a_list_made_a_moment_ago_by_another_process_is_known(scenario: Scenario):
    provider = FakeProvider()
    deliver = make(scenario, provider)
    scenario.sign_up(BOB)
    run(deliver)  # fills the cache of lists
    scenario.make_lists("brand-new")
    scenario.sign_up(ADA, "brand-new")
    run(deliver)
    assert scenario.messages()[0].status == "accepted"
    assert "Brand-New" in provider.calls[-1][1][0].subject + provider.calls[-1][1][0].text


def test_a_rejected_message_has_failed_at_once(scenario: Scenario):
    provider = FakeProvider(fails(RejectedError("no_such_mailbox")))
    scenario.sign_up()
    run(make(scenario, provider))
    (message,) = scenario.messages()
    assert (message.status, message.last_error) == ("failed", "no_such_mailbox")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (RejectedError("postmark_300"), {"error": None, "rejected_with": ["postmark_300"]}),
        (MisconfiguredError("http_401"), {"error": "http_401", "rejected_with": []}),
    ],
)
def test_what_a_provider_refuses_is_a_warning_with_its_code(
    scenario: Scenario,
    capsys: pytest.CaptureFixture[str],
    error: ProviderError,
    shown: dict[str, object],
):
    configure_logging()
    scenario.sign_up(ADA)
    run(make(scenario, FakeProvider(fails(error))))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    line = next(line for line in lines if line["event"] == "batch settled")
    assert line["level"] == "warning"
    assert shown.items() <= line.items()
    assert ADA not in json.dumps(lines)


def test_a_refused_batch_is_split_so_that_one_does_not_spoil_the_rest(scenario: Scenario):
    def refuse_ada(mails: Sequence[Mail], key: str) -> Sequence[SendResult]:
        if any(mail.recipient == ADA for mail in mails):
            raise RejectedError("bad_request")
        return take(mails, key)

    provider = FakeProvider(refuse_ada)
    emails = [ADA, BOB, "cat@example.org"]
    for email in emails:
        scenario.sign_up(email)
    run(make(scenario, provider))
    assert [scenario.messages(email)[0].status for email in emails] == [
        "failed",
        "accepted",
        "accepted",
    ]


def test_a_misconfigured_provider_spends_no_attempt_and_kills_no_mail(scenario: Scenario):
    provider = FakeProvider(fails(MisconfiguredError("bad_key")))
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        for _ in range(6):
            run(deliver)
            clock.shift(timedelta(days=1))
        (message,) = scenario.messages()
        assert (message.status, message.attempts) == ("queued", 0)
        assert len(provider.calls) == 6
        provider._answers = [take]
        run(deliver)
    assert scenario.messages()[0].status == "accepted"


def test_a_failing_provider_is_tried_for_three_days_and_no_longer(scenario: Scenario):
    provider = FakeProvider(fails(TemporaryError("503")))
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        while scenario.messages()[0].status == "queued":
            run(deliver)
            message = scenario.messages()[0]
            if message.status == "queued":
                clock.move_to(max(message.next_attempt_at, deliver.next_due_at() or NOON))
        (message,) = scenario.messages()
        assert message.status == "failed"
        assert message.settled_at >= NOON + timedelta(days=3)
    assert message.attempts == len(provider.calls)


def test_another_provider_takes_over_at_once(scenario: Scenario):
    first = FakeProvider(fails(TemporaryError("503")), name="first")
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up()
        run(make(scenario, first, second))
    assert (len(first.calls), len(second.calls)) == (1, 1)
    assert (scenario.messages()[0].status, scenario.messages()[0].provider) == (
        "accepted",
        "second",
    )


def test_an_uncertain_call_is_not_handed_to_another_provider_within_the_grace(scenario: Scenario):
    first = FakeProvider(fails(OutcomeUnknownError("timeout")), name="first")
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, first, second)
        run(deliver)
        clock.shift(GRACE - SECOND)
        run(deliver)
        assert second.calls == []
        clock.shift(SECOND)
        run(deliver)
    assert len(first.calls) + len(second.calls) == 2


def test_a_batch_of_people_erased_after_the_claim_ends(scenario: Scenario):
    provider = FakeProvider(key_life=KEY_LIFE)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        deliver.claim(calls=1)
        scenario.erase(ADA)
        clock.shift(BATCH_LEASE)
        run(make(scenario, provider))
        assert batch_rows(scenario) == 0
        assert make(scenario, provider).next_due_at() is None
    assert provider.calls == []


def test_results_of_a_call_that_took_too_long_are_not_written(scenario: Scenario):
    provider = FakeProvider()
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        slow, quick = make(scenario, provider), make(scenario, provider)
        (batch,) = slow.claim(calls=1)
        clock.shift(BATCH_LEASE)
        run(quick)
        settled = scenario.messages()
        slow.deliver(batch)
        assert scenario.messages() == settled


# --- the worker ---


class Bell:
    """A waiter that tests ring; it notes that the worker rests."""

    def __init__(self) -> None:
        self.rings = threading.Semaphore(0)
        self.is_resting = threading.Event()

    def wait(self, seconds: float, *, is_over: Callable[[], bool]) -> None:
        self.is_resting.set()
        for _ in range(int(min(seconds, 20) * 100) + 1):
            if self.rings.acquire(timeout=0.01) or is_over():
                break
        self.is_resting.clear()


def running(worker: Worker) -> threading.Thread:
    thread = threading.Thread(target=worker.run)
    thread.start()
    return thread


def eventually(scenario: Scenario, email: str, status: str) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if scenario.messages(email)[-1].status == status:
            return
        pause.wait(0.01)
    pytest.fail(f"the message of {email} did not become {status}")


def test_a_worker_drains_what_is_due_and_ends(scenario: Scenario):
    emails = [f"p{number}@example.org" for number in range(30)]
    for email in emails:
        scenario.sign_up(email)
    provider = FakeProvider(batch_size=4)
    Worker(make(scenario, provider), Bell()).run(drain=True)
    assert sorted(provider.recipients) == sorted(emails)
    assert {scenario.messages(email)[0].status for email in emails} == {"accepted"}


def test_draining_waits_for_a_provider_that_is_paused_while_mail_is_due(scenario: Scenario):
    emails = [f"p{number}@example.org" for number in range(6)]
    for email in emails:
        scenario.sign_up(email)
    provider = FakeProvider(fails(TemporaryError("503")), take, batch_size=1)
    worker = Worker(make(scenario, provider), Bell(), concurrency=1)
    worker.run(drain=True)
    settled = [scenario.messages(email)[0].status for email in emails]
    assert settled.count("accepted") >= 5, "those that were not called had been due all along"


def test_a_worker_wakes_for_new_mail_and_stops_when_told(scenario: Scenario):
    provider, bell = FakeProvider(), Bell()
    worker = Worker(make(scenario, provider), bell)
    thread = running(worker)
    try:
        assert bell.is_resting.wait(20)
        scenario.sign_up()
        bell.rings.release()
        eventually(scenario, ADA, "accepted")
    finally:
        worker.stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_the_end_of_a_call_is_heard_while_another_is_under_way(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
):
    """What a failed call puts back goes to the next provider at once."""
    monkeypatch.setattr("service.usecases.operations.worker.LOOK_AT_LEAST_EVERY_SECONDS", 60)
    go_on = threading.Event()

    def hangs_for_ada(mails: Sequence[Mail], key: str) -> Sequence[SendResult]:
        if mails[0].recipient == ADA:
            assert go_on.wait(20)
            return take(mails, key)
        raise TemporaryError("http_503")

    for email in (ADA, BOB):
        scenario.sign_up(email)
    first = FakeProvider(hangs_for_ada, name="first", batch_size=1)
    worker = Worker(make(scenario, first, FakeProvider(name="second")), Bell())
    thread = running(worker)
    try:
        eventually(scenario, BOB, "accepted")
        assert scenario.messages(ADA)[0].status == "sending"
    finally:
        go_on.set()
        worker.stop.set()
        thread.join(20)
    assert [row.provider for row in scenario.messages(BOB)] == ["second"]


def test_a_worker_finishes_and_settles_the_call_under_way_before_it_stops(scenario: Scenario):
    began, go_on = threading.Event(), threading.Event()

    def slowly(mails: Sequence[Mail], key: str) -> Sequence[SendResult]:
        began.set()
        assert go_on.wait(20)
        return take(mails, key)

    worker = Worker(make(scenario, FakeProvider(slowly)), Bell())
    scenario.sign_up()
    thread = running(worker)
    assert began.wait(20)
    worker.stop.set()
    thread.join(0.2)
    assert thread.is_alive()
    go_on.set()
    thread.join(20)
    assert not thread.is_alive()
    assert scenario.messages()[0].status == "accepted"


def test_a_worker_outlives_faults_of_the_database(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
):
    deliver = make(scenario, FakeProvider())
    faults = [OperationalError("select", {}, Exception("gone"))] * 2
    claim = deliver.claim

    def faulty(*, calls: int) -> object:
        if faults:
            raise faults.pop()
        return claim(calls=calls)

    monkeypatch.setattr(deliver, "claim", faulty)
    monkeypatch.setattr("service.usecases.operations.worker.AFTER_FAULT_SECONDS", 0.01)
    scenario.sign_up()
    worker = Worker(deliver, Bell())
    thread = running(worker)
    try:
        eventually(scenario, ADA, "accepted")
    finally:
        worker.stop.set()
        thread.join(20)
    assert faults == []


@pytest.mark.parametrize("workers", [3])
def test_workers_beside_each_other_mail_everyone_once(
    scenario: Scenario, engine: Engine, workers: int
):
    emails = [f"p{number}@example.org" for number in range(60)]
    for email in emails:
        scenario.sign_up(email)
    providers = [FakeProvider(batch_size=5) for _ in range(workers)]
    threads = [
        threading.Thread(
            target=Worker(make(scenario, provider), Bell()).run, kwargs={"drain": True}
        )
        for provider in providers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    mailed = [recipient for provider in providers for recipient in provider.recipients]
    assert sorted(mailed) == sorted(emails)
