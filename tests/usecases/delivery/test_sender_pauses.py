"""A sender that a provider refuses: few calls, no other sender's mail held up, the cause named."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.delivery.retry import MISCONFIGURED_MAX_DELAY, SendOutcome, sender_pause
from service.mail.pace import Pace
from service.mail.provider import Mail, MisconfiguredError, SenderRefusedError, SendResult
from service.store.database import reading
from service.store.delivery import activity, sender_pauses
from service.store.delivery.sender_pauses import RefusedSender
from tests.fakes import FakeProvider, fails, take
from tests.scenario import NOON, Scenario
from tests.usecases.delivery.test_deliver import make, run

GOOD = "good@example.net"
SECOND = timedelta(seconds=1)


def unless_from(sender: str) -> Callable[[Sequence[Mail], str], list[SendResult]]:
    """Answer 200, with every message refused that is not from this sender."""

    def answer(mails: Sequence[Mail], _key: str) -> list[SendResult]:
        return [
            SendResult(
                message_id=mail.message_id,
                outcome=SendOutcome.ACCEPTED
                if mail.sender.address == sender
                else SendOutcome.MISCONFIGURED,
                error=None if mail.sender.address == sender else "postmark_400",
                refuses_sender=mail.sender.address != sender,
            )
            for mail in mails
        ]

    return answer


def refused(scenario: Scenario) -> list[RefusedSender]:
    with reading(scenario.engine) as connection:
        return sender_pauses.refused_senders(connection, now=utc_now())


def deliver_for(scenario: Scenario, provider: FakeProvider, seconds: int) -> int:
    """Deliver like a worker for so long; return how many calls the provider got."""
    deliver = make(scenario, provider)
    with time_machine.travel(utc_now(), tick=False) as clock:
        for _ in range(seconds):
            run(deliver)
            clock.shift(SECOND)
    return len(provider.calls)


@pytest.mark.parametrize("batch_size", [1, 100])
def test_a_wrong_sender_starts_no_storm(scenario: Scenario, batch_size: int):
    provider = FakeProvider(unless_from(GOOD), batch_size=batch_size)
    with time_machine.travel(NOON, tick=False):
        for number in range(20):
            scenario.sign_up(f"reader{number}@example.org")
        assert deliver_for(scenario, provider, 40) <= 8 + 4
    (message,) = scenario.messages("reader0@example.org")
    assert (message.status, message.attempts, message.last_error) == ("queued", 0, "postmark_400")


def test_the_pause_grows_and_has_an_end():
    pauses = [sender_pause(refusals) for refusals in range(1, 40)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (2 * SECOND, MISCONFIGURED_MAX_DELAY)


@pytest.mark.parametrize("is_whole", [False, True])
def test_another_lists_mail_goes_on(scenario: Scenario, is_whole: bool):
    scenario.make_lists("weekly")
    scenario.services.lists.update("weekly", {"sender": f"Weekly <{GOOD}>"}, actor="test")

    def answer(mails: Sequence[Mail], key: str) -> Sequence[SendResult]:
        if is_whole and any(mail.sender.address != GOOD for mail in mails):
            raise SenderRefusedError("ses_MailFromDomainNotVerifiedException")
        return unless_from(GOOD)(mails, key)

    provider = FakeProvider(answer)
    with time_machine.travel(NOON, tick=False):
        for number in range(6):
            scenario.sign_up(f"news{number}@example.org", "news-flash")
            scenario.sign_up(f"weekly{number}@example.org", "weekly")
        deliver_for(scenario, provider, 5)
        states = {
            name: {
                scenario.messages(f"{name}{number}@example.org")[0].status for number in range(6)
            }
            for name in ("news", "weekly")
        }
        assert states == {"news": {"queued"}, "weekly": {"accepted"}}
        before = len(provider.calls)
        scenario.sign_up("late@example.org", "weekly")
        run(make(scenario, provider))
        assert scenario.messages("late@example.org")[0].status == "accepted"
        assert len(provider.calls) == before + 1


def test_a_sender_that_is_taken_again_is_let_go(scenario: Scenario):
    provider = FakeProvider(unless_from(GOOD), take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        run(deliver)
        (found,) = refused(scenario)
        assert found == RefusedSender(
            provider="fake",
            sender=scenario.services.settings.mail_from.rpartition("<")[2].rstrip(">"),
            error="postmark_400",
            refused_at=NOON,
            paused_until=NOON + 2 * SECOND,
        )
        scenario.sign_up("late@example.org")
        assert run(deliver) == 1
        assert len(provider.calls) == 1  # it waits, and no call is made for it
        clock.shift(2 * SECOND)
        run(deliver)
        assert refused(scenario) == []
    assert {
        row.status for row in [*scenario.messages(), *scenario.messages("late@example.org")]
    } == {"accepted"}


def test_one_worker_alone_tries_a_sender_again(scenario: Scenario, engine: Engine):
    with time_machine.travel(NOON, tick=False) as clock:
        with engine.begin() as connection:
            sender_pauses.refuse(
                connection, "fake", GOOD, error="x", began_at=utc_now(), now=utc_now()
            )
        clock.shift(2 * SECOND)
        found = []
        for _ in range(2):
            with engine.begin() as connection:
                found.append(
                    sender_pauses.hold(
                        connection,
                        "fake",
                        [GOOD, "other@example.net"],
                        now=utc_now(),
                        tried_until=utc_now() + 30 * SECOND,
                    )
                )
    first, second = found
    assert (set(first.tried), set(first.paused)) == ({GOOD}, set())
    assert (set(second.tried), set(second.paused)) == (set(), {GOOD})


def test_calls_under_way_together_count_once(scenario: Scenario, engine: Engine):
    untils = []
    for _ in range(3):
        with engine.begin() as connection:
            untils.append(
                sender_pauses.refuse(
                    connection, "fake", GOOD, error="x", began_at=NOON, now=NOON + SECOND
                )
            )
    assert set(untils) == {NOON + 3 * SECOND}


def test_a_sender_that_nobody_uses_any_more_is_not_shown(scenario: Scenario, engine: Engine):
    with time_machine.travel(NOON, tick=False) as clock:
        with engine.begin() as connection:
            sender_pauses.refuse(connection, "fake", GOOD, error="x", began_at=NOON, now=NOON)
        assert len(refused(scenario)) == 1
        clock.shift(timedelta(hours=1))
        assert refused(scenario) == []


def test_a_refused_account_pauses_the_provider_and_no_sender(scenario: Scenario):
    provider = FakeProvider(fails(MisconfiguredError("http_401")))
    with time_machine.travel(NOON, tick=False):
        for number in range(20):
            scenario.sign_up(f"reader{number}@example.org")
        assert deliver_for(scenario, provider, 40) <= 12
        assert refused(scenario) == []
        with reading(scenario.engine) as connection:
            (found,) = activity.all_activity(connection)
    assert found.last_error == "http_401"


def test_why_a_provider_refused_is_forgotten_when_it_takes_one(scenario: Scenario):
    provider = FakeProvider(fails(MisconfiguredError("http_401")), take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        run(deliver)
        clock.shift(60 * SECOND)
        run(deliver)
        with reading(scenario.engine) as connection:
            (found,) = activity.all_activity(connection)
    assert found.last_error is None


def test_calls_that_are_not_made_do_not_use_up_the_rate(scenario: Scenario):
    pace = Pace(2)
    provider = FakeProvider(unless_from(GOOD), batch_size=1, pace=pace)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        run(deliver)
        clock.shift(SECOND)
        for number in range(6):
            scenario.sign_up(f"reader{number}@example.org")
        run(deliver)
        assert len(provider.calls) == 1
        assert pace.allows(2, utc_now()) == 2
