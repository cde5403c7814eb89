"""What is counted on what."""

import pytest

from service.domain.signup.limits import (
    LARGE_PROVIDER_FACTOR,
    Counted,
    Limit,
    Limits,
    Origin,
    Quota,
    domain_of,
    origin_of,
    quotas_of,
)

MINUTE = Limit(10, 60)
EVERY = Limits(
    client=(MINUTE, Limit(100, 3600)),
    network=(MINUTE,),
    mailing_list=(MINUTE,),
    domain=(MINUTE,),
    overall=(MINUTE,),
)


@pytest.mark.parametrize(
    ("one", "other", "same_client", "same_network"),
    [
        ("192.0.2.1", "192.0.2.1", True, True),
        ("192.0.2.1", "192.0.2.200", False, True),
        ("192.0.2.1", "192.0.3.1", False, False),
        ("192.0.2.1", "::ffff:192.0.2.1", True, True),
        ("192.0.2.1", "192.0.2.1:4711", True, True),
        ("192.0.2.1:1", "198.51.100.1:1", False, False),
        ("192.0.2.1", "[::ffff:192.0.2.1]:4711", True, True),
        ("2001:db8:0:1::1", "[2001:db8:0:1::1]:4711", True, True),
        ("2001:db8:0:1::1", "[2001:db8:0:2::1]", False, True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True, True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False, True),
        ("2001:db8:0:1::1", "2001:db8:1:1::1", False, False),
        ("fe80::1%eth0", "fe80::2", True, True),
    ],
)
def test_a_household_is_one_client_and_a_site_one_network(one, other, same_client, same_network):
    first, second = origin_of(one), origin_of(other)
    assert (first.client == second.client) is same_client
    assert (first.network == second.network) is same_network


@pytest.mark.parametrize(
    "ip", [None, "", "unix:", "1.2.3", "<b>", ":80", "[]:80", "[x]", "1.2.3.4:x", "::1:80:x"]
)
def test_whoever_has_no_address_counts_as_one(ip):
    assert origin_of(ip) == origin_of("unknown")


def test_the_clients_own_counters_come_before_those_it_shares():
    quotas = list(quotas_of(EVERY, origin=Origin("c", "n"), lists=("a", "b"), domain="example.org"))
    assert [(quota.policy, quota.key) for quota in quotas] == [
        ("client-60", "c"),
        ("client-3600", "c"),
        ("network-60", "n"),
        ("list-60", "a"),
        ("list-60", "b"),
        ("domain-60", "example.org"),
        ("overall-60", ""),
    ]
    assert {quota.policy for quota in quotas if quota.is_told} == {
        "client-60",
        "client-3600",
        "network-60",
    }


def test_a_caller_with_a_key_is_counted_on_what_is_shared_only():
    quotas = quotas_of(EVERY, origin=None, lists=("a",), domain="example.org")
    assert {quota.policy for quota in quotas} == {"list-60", "domain-60", "overall-60"}


def test_a_large_mailbox_provider_may_have_more():
    amounts = {
        domain: next(
            quota.limit.amount
            for quota in quotas_of(EVERY, origin=None, lists=(), domain=domain)
            if quota.policy.startswith("domain")
        )
        for domain in ("gmail.com", "example.org")
    }
    assert amounts == {"gmail.com": 10 * LARGE_PROVIDER_FACTOR, "example.org": 10}


@pytest.mark.parametrize(
    ("email", "domain"),
    [("A@Example.ORG ", "example.org"), ("nothing", "nothing"), ("", ""), ("a@b@c", "c")],
)
def test_the_domain_of_any_text_can_be_counted(email, domain):
    assert domain_of(email) == domain
    assert len(domain_of("@" + "x" * 10_000)) == 255


def test_a_counter_says_what_is_left():
    counted = Counted(Quota("client-60", "c", Limit(4, 60)), 3, 17)
    assert (counted.remaining, counted.is_exceeded, counted.share) == (1, False, 0.75)
    assert Counted(counted.quota, 5, 1).is_exceeded
    assert Counted(counted.quota, 5, 1).remaining == 0
