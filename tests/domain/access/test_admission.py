"""Whom of those that an identity provider names to let in."""

from typing import Any

import pytest

from service.domain.access.admission import Account, AdmissionRule, plain_address

ADA = {"sub": "1", "email": "ada@example.org", "email_verified": True}
GROUP = "newsletter-admins"


def rule(**changes: Any) -> AdmissionRule:
    given: dict[str, Any] = {
        "admins": frozenset({"ada@example.org"}),
        "group": GROUP,
        "group_claim": "groups",
        **changes,
    }
    return AdmissionRule(**given)


def test_either_the_list_or_the_group_lets_in():
    assert rule().refusal(ADA) is None
    assert rule().refusal({"sub": "2", "groups": ["staff", GROUP]}) is None
    assert rule().refusal({"sub": "2", "groups": GROUP}) is None
    assert rule().refusal({**ADA, "email": "ben@example.org"}) == "not_an_administrator"


def test_without_a_group_or_a_list_the_other_decides_alone():
    assert rule(group=None).refusal({"sub": "2", "groups": [GROUP, None]}) is not None
    assert rule(admins=frozenset()).refusal(ADA) is not None


@pytest.mark.parametrize(
    "groups", [None, [], {}, 7, [[GROUP]], {GROUP: True}, "newsletter-admins2", [GROUP.upper()]]
)
def test_a_claim_of_another_form_names_no_group(groups):
    assert rule().refusal({"sub": "2", "groups": groups}) == "not_an_administrator"


def test_dots_lead_into_objects_unless_a_claim_has_the_whole_name():
    nested = {"sub": "2", "realm_access": {"roles": [GROUP]}}
    assert rule(group_claim="realm_access.roles").refusal(nested) is None
    named = {"sub": "2", "https://example.org/roles": [GROUP]}
    assert rule(group_claim="https://example.org/roles").refusal(named) is None
    assert rule(group_claim="a.b.c").refusal({"sub": "2", "a": {"b": "c"}}) is not None


@pytest.mark.parametrize("verified", [None, False, "true", 1, [True]])
def test_only_true_itself_verifies_an_address(verified):
    claims = {**ADA, "email_verified": verified}
    assert rule().refusal(claims) == "address_not_verified"
    assert Account.of(claims).name == "1"


def test_a_letter_that_turns_ascii_when_made_small_is_another_letter():
    """U+212A, the sign of Kelvin: `lower` and `casefold` make a k of it."""
    assert plain_address("Kim@Example.org") == "kim@example.org"
    assert plain_address("\u212aim@example.org") != "kim@example.org"


def test_an_account_goes_by_its_verified_address():
    assert Account.of(ADA) == Account(name="ada@example.org", subject="1")
    for address in ("no address", "a\x00@example.org", "a" * 300 + "@example.org", 7):
        assert Account.of({**ADA, "email": address}).name == "1"


def test_the_fingerprint_tells_who_may_come_in_by_whose_word():
    marks = {
        rule().fingerprint(issuer="https://a", client_id="c"),
        rule().fingerprint(issuer="https://b", client_id="c"),
        rule().fingerprint(issuer="https://a", client_id="d"),
        rule(group=None).fingerprint(issuer="https://a", client_id="c"),
        rule(admins=frozenset()).fingerprint(issuer="https://a", client_id="c"),
        rule(group_claim="roles").fingerprint(issuer="https://a", client_id="c"),
    }
    assert len(marks) == 6
