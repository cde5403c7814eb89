"""Several accounts with one mail API stand in for each other, like different ones."""

import pytest
import time_machine

from service.mail.dsn import DsnError
from service.mail.provider import TemporaryError
from service.mail.registry import MAX_NAME, account_names
from service.usecases.delivery.providers import GuardedProvider, ProviderPool
from tests.fakes import FakeProvider, fails
from tests.scenario import NOON, Scenario
from tests.usecases.delivery.test_deliver import make, run


@pytest.mark.parametrize(
    ("urls", "names"),
    [
        (["smtp://a.example"], ["smtp"]),
        (["smtp://a.example:25", "postmark://k@default"], ["smtp", "postmark"]),
        (["smtp://a.example:25", "smtps://b.example"], ["smtp@a.example:25", "smtp@b.example"]),
        (["smtp://a.example", "ses://i:s@default?region=x", "smtp://b.example"], None),
    ],
)
def test_an_account_is_named_after_its_mail_api_and_where_needed_its_host(
    urls: list[str], names: list[str] | None
):
    assert account_names(urls) == (names or ["smtp@a.example", "ses", "smtp@b.example"])


def test_accounts_on_one_host_are_told_apart_without_their_secrets():
    urls = ["postmark://token-one@default", "postmark://token-two@default"]
    first, second = account_names(urls)
    assert first != second
    assert account_names(urls[::-1]) == [second, first]
    assert "token" not in first + second


def test_a_name_fits_into_the_tables():
    names = account_names([f"smtp://{host}.{'long' * 10}.example" for host in "ab"])
    assert len(set(names)) == 2
    assert max(map(len, names)) <= MAX_NAME


def test_a_url_that_is_none_is_said():
    with pytest.raises(DsnError):
        account_names(["smtp://a.example", "nothing"])


def test_the_same_account_twice_is_refused():
    pool = [
        GuardedProvider(FakeProvider(), name=name)
        for name in account_names(["smtp://a.example"] * 2)
    ]
    with pytest.raises(ValueError, match="twice"):
        ProviderPool(pool)


def test_where_one_relay_fails_the_other_takes_over(scenario: Scenario):
    broken, well = (
        FakeProvider(fails(TemporaryError("503")), name="smtp"),
        FakeProvider(name="smtp"),
    )
    deliver = make(scenario, broken, well, names=["smtp@a.example", "smtp@b.example"])
    with time_machine.travel(NOON, tick=False):
        scenario.sign_up()
        run(deliver)
    assert (len(broken.calls), len(well.calls)) == (1, 1)
    (message,) = scenario.messages()
    # Events say which mail API they are from, not which account.
    assert (message.status, message.provider) == ("accepted", "smtp")
