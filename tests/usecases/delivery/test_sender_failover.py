"""A sender that one provider refuses is sent by another; a refused account pauses the provider."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from service.clock import utc_now
from service.domain.delivery.retry import SendOutcome
from service.mail.provider import Mail, SenderRefusedError, SendResult, TemporaryError
from service.store.tables.delivery import OutboxBatch, SenderPause
from service.usecases.delivery.deliver import Deliver
from tests.fakes import FakeProvider, fails, take
from tests.scenario import ADA, NOON, Scenario
from tests.usecases.delivery.test_deliver import batch_rows, make, run
from tests.usecases.delivery.test_sender_pauses import GOOD, unless_from

SECOND = timedelta(seconds=1)
JOERG = "jörg@example.org"

Answer = Callable[[Sequence[Mail], str], Sequence[SendResult]]


def refuses_whole_calls(mails: Sequence[Mail], key: str) -> Sequence[SendResult]:
    if any(mail.sender.address != GOOD for mail in mails):
        raise SenderRefusedError("ses_MailFromDomainNotVerifiedException")
    return take(mails, key)


REFUSALS = pytest.mark.parametrize(
    "refuses", [unless_from(GOOD), refuses_whole_calls], ids=["single messages", "whole call"]
)


def sign_up(scenario: Scenario, count: int) -> list[str]:
    """Sign up so many people to each of two lists; the sender of `weekly` is `GOOD`."""
    scenario.make_lists("weekly")
    scenario.services.lists.update("weekly", {"sender": f"Weekly <{GOOD}>"}, actor="test")
    emails = [
        f"{kind}{number}@example.org" for kind in ("news", "weekly") for number in range(count)
    ]
    for email in emails:
        scenario.sign_up(email, "weekly" if email.startswith("weekly") else "news-flash")
    return emails


def settled(scenario: Scenario, email: str) -> tuple[str, str | None, int]:
    (row,) = scenario.messages(email)
    return row.status, row.provider, row.attempts


@REFUSALS
@pytest.mark.parametrize("sizes", [(100, 100), (100, 2), (100, 1), (1, 100), (1, 1)])
def test_a_refused_senders_emails_go_to_the_next_provider_and_others_stay(
    scenario: Scenario, refuses: Answer, sizes: tuple[int, int]
):
    first = FakeProvider(refuses, name="first", batch_size=sizes[0])
    second = FakeProvider(name="second", batch_size=sizes[1])
    with time_machine.travel(NOON, tick=False) as clock:
        emails = sign_up(scenario, 9)
        deliver = make(scenario, first, second)
        for _ in range(3):  # more than the second has free calls for waits for one of them
            run(deliver)
            clock.shift(SECOND)
    found = {email: settled(scenario, email) for email in emails}
    assert found == {
        email: ("accepted", "first" if email.startswith("weekly") else "second", 1)
        for email in emails
    }
    assert sorted(second.recipients) == [email for email in emails if email.startswith("news")]
    assert batch_rows(scenario) == 0


def test_emails_that_move_together_are_one_call(scenario: Scenario):
    first = FakeProvider(unless_from(GOOD), name="first")
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False):
        emails = sign_up(scenario, 5)
        run(make(scenario, first, second))
    assert [len(mails) for _, mails in second.calls] == [5]
    assert sorted(mail for mail in first.recipients if mail.startswith("weekly")) == emails[5:]


@REFUSALS
def test_with_one_provider_they_wait_for_the_pause(scenario: Scenario, refuses: Answer):
    provider = FakeProvider(refuses, take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, provider)
        run(deliver)
        assert settled(scenario, ADA) == ("queued", "fake", 0)
        assert scenario.messages()[0].next_attempt_at == NOON + 2 * SECOND
        assert run(deliver) == 0
        clock.shift(2 * SECOND)
        run(deliver)
    assert settled(scenario, ADA) == ("accepted", "fake", 1)


def test_a_sender_that_no_provider_takes_waits_for_the_first_pause_to_end(scenario: Scenario):
    providers = [
        FakeProvider(unless_from(GOOD), name="first"),
        FakeProvider(unless_from(GOOD), name="second"),
    ]
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, *providers)
        run(deliver)
        clock.shift(2 * SECOND)
        calls = run(deliver)
        assert [len(each.calls) for each in providers] == [2, 2]
        assert calls < 10
        assert settled(scenario, ADA)[::2] == ("queued", 0)
        assert scenario.messages()[0].next_attempt_at == utc_now() + 4 * SECOND


def test_while_the_next_provider_is_down_they_wait_for_it_or_the_pause(scenario: Scenario):
    first = FakeProvider(unless_from(GOOD), name="first")
    second = FakeProvider(fails(TemporaryError("http_503")), take, name="second")
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, first, second)
        run(deliver)
        assert (len(first.calls), len(second.calls)) == (1, 1)
        clock.shift(SECOND)
        pause_for_long(scenario)
        run(deliver)
    assert (len(first.calls), len(second.calls)) == (1, 2)
    assert settled(scenario, ADA)[:2] == ("accepted", "second")


def pause_for_long(scenario: Scenario) -> None:
    with scenario.engine.begin() as connection:
        connection.execute(update(SenderPause).values(paused_until=utc_now() + 300 * SECOND))


def test_an_address_that_only_the_refusing_provider_carries_waits_there(scenario: Scenario):
    first = FakeProvider(unless_from(GOOD), take, name="first")
    second = FakeProvider(name="second", takes_utf8=False)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(JOERG)
        deliver = make(scenario, first, second)
        assert run(deliver) < 10
        clock.shift(2 * SECOND)
        run(deliver)
    assert settled(scenario, JOERG)[:2] == ("accepted", "first")
    assert second.calls == []


def test_a_sender_that_is_taken_again_comes_back_to_the_first_provider(scenario: Scenario):
    first = FakeProvider(unless_from(GOOD), take, name="first")
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        deliver = make(scenario, first, second)
        run(deliver)
        clock.shift(2 * SECOND)
        for email in ("one@example.org", "two@example.org"):
            scenario.sign_up(email)
            run(deliver)
    assert second.recipients == [ADA]
    assert [settled(scenario, f"{name}@example.org")[1] for name in ("one", "two")] == ["first"] * 2


def test_what_a_pause_takes_out_of_a_call_goes_to_the_next_provider(scenario: Scenario):
    """Another worker may have the sender paused between our claim and our call."""
    first = FakeProvider(unless_from(GOOD), name="first")
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False):
        for email in (ADA, "bob@example.org"):
            scenario.sign_up(email)
        scenario.set_message(scenario.messages()[0].id, is_alone=True)
        deliver, other = make(scenario, first, second), make(scenario, first, second)
        (claimed,) = deliver.claim(calls=1)
        run(other)
        deliver.deliver(claimed)
        run(deliver)
    assert len(first.calls) == 1
    for email in (ADA, "bob@example.org"):
        assert settled(scenario, email) == ("accepted", "second", 1)


def test_a_worker_that_dies_as_it_moves_emails_loses_none(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
):
    first = FakeProvider(unless_from(GOOD), name="first")
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up()
        run(make(scenario, first))
        scenario.sign_up("bob@example.org")
        dying = make(scenario, first, second)
        with monkeypatch.context() as patched:
            patched.setattr(dying._claimer, "_reroute", raises_exit)
            with pytest.raises(SystemExit):
                dying.claim(calls=1)
        assert len(scenario.rows(select(OutboxBatch.id))) == 1
        clock.shift(30 * SECOND)
        pause_for_long(scenario)
        run(make(scenario, first, second))
    assert settled(scenario, "bob@example.org") == ("accepted", "second", 1)
    assert batch_rows(scenario) == 0


def raises_exit(*_: object) -> None:
    raise SystemExit


def account_refused(mails: Sequence[Mail], key: str) -> Sequence[SendResult]:
    """Take the first email; refuse the account with the others, as for want of credits."""
    first, *others = mails
    return [
        *take([first], key),
        *(
            SendResult(
                message_id=mail.message_id, outcome=SendOutcome.MISCONFIGURED, error="postmark_405"
            )
            for mail in others
        ),
    ]


def deliver_all(scenario: Scenario, *providers: FakeProvider) -> Deliver:
    for number in range(5):
        scenario.sign_up(f"reader{number}@example.org")
    deliver = make(scenario, *providers)
    run(deliver)
    return deliver


def test_a_refused_account_in_a_good_answer_pauses_the_provider_and_no_sender(scenario: Scenario):
    first = FakeProvider(account_refused, name="first")
    second = FakeProvider(name="second")
    with time_machine.travel(NOON, tick=False):
        deliver_all(scenario, first, second)
        assert scenario.rows(select(SenderPause.sender)) == []
        assert (len(first.calls), len(second.calls)) == (1, 1)
        scenario.sign_up("late@example.org")
        run(make(scenario, FakeProvider(name="other"), second))
    found = {settled(scenario, f"reader{number}@example.org") for number in range(5)}
    assert found == {("accepted", "first", 1), ("accepted", "second", 1)}


def test_a_refused_account_without_another_provider_spends_no_attempt(scenario: Scenario):
    provider = FakeProvider(account_refused, take)
    with time_machine.travel(NOON, tick=False) as clock:
        deliver = deliver_all(scenario, provider)
        states = [settled(scenario, f"reader{number}@example.org") for number in range(5)]
        assert sorted(states) == [("accepted", "fake", 1), *[("queued", "fake", 0)] * 4]
        assert run(deliver) == 0
        clock.shift(5 * SECOND)
        run(deliver)
    assert {settled(scenario, f"reader{number}@example.org")[0] for number in range(5)} == {
        "accepted"
    }
