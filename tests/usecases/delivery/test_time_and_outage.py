"""A clock that jumps, and a mail API that is away for a day: no mail is lost or comes twice."""

from datetime import timedelta

import pytest
import time_machine

from service.domain.consent import Evidence
from service.domain.errors import LinkExpiredError
from service.mail.provider import TemporaryError
from service.usecases.links.views import LinkState
from tests.fakes import FakeProvider, fails, take
from tests.scenario import ADA, NOON, Scenario
from tests.usecases.delivery.test_deliver import make, run

BOB = "bob@example.org"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_a_mail_api_that_is_down_for_a_day_costs_no_mail(scenario: Scenario) -> None:
    down = FakeProvider(fails(TemporaryError("connect")))
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(ADA)
        deliver = make(scenario, down)
        for _ in range(24 * 12):
            run(deliver)
            clock.shift(5 * MINUTE)
        scenario.sign_up(BOB)
        assert [row.status for row in (*scenario.messages(ADA), *scenario.messages(BOB))] == [
            "queued"
        ] * 2
        assert len(down.calls) < 24 * 12, "it is not called more often than it was looked after"
        up = FakeProvider(take)
        deliver = make(scenario, up)
        for _ in range(24):
            clock.shift(5 * MINUTE)
            run(deliver)
        assert sorted(up.recipients) == [ADA, BOB]
        link = scenario.confirm_link(ADA)
        assert scenario.services.confirm.act(link, Evidence()).state is LinkState.DONE


@pytest.mark.parametrize("jump", [-DAY, -HOUR, HOUR, 400 * DAY])
def test_a_clock_that_jumps_loses_no_mail_and_no_link(scenario: Scenario, jump: timedelta) -> None:
    provider = FakeProvider(take)
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(ADA)
        clock.shift(jump)
        scenario.sign_up(BOB)
        scenario.sign_up(ADA)
        deliver = make(scenario, provider)
        for _ in range(10):  # a clock set back waits until it is where it was, and no longer
            run(deliver)
            clock.shift(abs(jump) / 8)
        assert provider.recipients.count(BOB) == 1
        assert 1 <= provider.recipients.count(ADA) <= 2
        assert (
            scenario.services.unsubscribe.act(
                scenario.unsubscribe_link(ADA, 0), Evidence(), one_click=True
            ).state
            is LinkState.DONE
        )


def test_a_clock_set_back_leaves_young_links_alive_and_kills_none_early(scenario: Scenario) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(ADA)
        link = scenario.confirm_link(ADA)
        clock.shift(-HOUR)
        assert scenario.services.confirm.show(link).state is LinkState.OPEN
        clock.shift(8 * DAY)
        with pytest.raises(LinkExpiredError):
            scenario.services.confirm.act(link, Evidence())
        clock.shift(-7 * DAY)
        assert scenario.services.confirm.act(link, Evidence()).state is LinkState.DONE


def test_a_worker_killed_in_a_call_is_taken_over_and_its_clock_may_be_wrong(
    scenario: Scenario,
) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        scenario.sign_up(ADA)
        killed = make(scenario, FakeProvider(take, key_life=timedelta(hours=24)))
        assert len(killed.claim(calls=1)) == 1  # and then it is gone
        clock.shift(-10 * MINUTE)
        heir = FakeProvider(take, key_life=timedelta(hours=24))
        deliver = make(scenario, heir)
        assert run(deliver) == 0
        clock.shift(11 * MINUTE)
        run(deliver)
        assert heir.recipients == [ADA]
