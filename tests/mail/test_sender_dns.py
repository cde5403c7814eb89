"""What DNS says about the sender, told by a resolver of our own."""

from collections.abc import Mapping, Sequence

import pytest

from service.domain.finding import Level
from service.mail.sender_dns import LookupFailedError, check_sender_domain

SPF = "v=spf1 include:spf.mailjet.com ~all"
DKIM = "v=DKIM1; k=rsa; p=MIGf"
DMARC = "v=DMARC1; p=reject; rua=mailto:d@example.org"
WELL = {
    "example.org": ["some-verification=1", SPF],
    "mailjet._domainkey.example.org": [DKIM],
    "_dmarc.example.org": [DMARC],
}


def levels(
    records: Mapping[str, Sequence[str]], domain: str = "example.org", provider: str = "mailjet"
) -> dict[str, Level]:
    found = check_sender_domain(domain, [provider], lambda name: records.get(name, []))
    return {finding.subject.split(" ")[0]: finding.level for finding in found}


def test_a_domain_that_is_set_up_well() -> None:
    assert levels(WELL) == {"SPF": Level.OK, "DKIM": Level.OK, "DMARC": Level.OK}


@pytest.mark.parametrize(
    ("records", "level"),
    [
        ([], Level.WARNING),
        (["v=spf1 include:other.example ~all"], Level.WARNING),
        ([SPF, SPF], Level.FAILED),
        (["v=spf1 include:spf.mailjet.com +all"], Level.FAILED),
        (["V=SPF1 include:spf.mailjet.com -all"], Level.OK),
        (["v=spf10 include:spf.mailjet.com -all"], Level.WARNING),
    ],
)
def test_spf(records: list[str], level: Level) -> None:
    assert levels({**WELL, "example.org": records})["SPF"] is level


@pytest.mark.parametrize(
    ("records", "level"),
    [([], Level.WARNING), (["v=DKIM1; p="], Level.WARNING), (["p=MIGf"], Level.OK)],
)
def test_dkim(records: list[str], level: Level) -> None:
    assert levels({**WELL, "mailjet._domainkey.example.org": records})["DKIM"] is level


def test_a_selector_that_is_the_domains_own_cannot_be_known() -> None:
    assert levels(WELL, provider="ses")["DKIM"] is Level.WARNING


@pytest.mark.parametrize(
    ("records", "level"),
    [
        ([], Level.FAILED),
        (["v=DMARC1; p=none"], Level.WARNING),
        (["v=DMARC1;p=quarantine"], Level.OK),
        ([DMARC, DMARC], Level.FAILED),
    ],
)
def test_dmarc(records: list[str], level: Level) -> None:
    assert levels({**WELL, "_dmarc.example.org": records})["DMARC"] is level


def test_dmarc_of_the_organisation_counts_with_its_policy_for_subdomains() -> None:
    records = {**WELL, "_dmarc.example.org": ["v=DMARC1; p=reject; sp=none"]}
    assert levels(records, "news.example.org")["DMARC"] is Level.WARNING
    assert levels(WELL, "news.example.org")["DMARC"] is Level.OK


def test_a_resolver_that_does_not_answer_is_no_missing_record() -> None:
    def fail(name: str) -> Sequence[str]:
        raise LookupFailedError(name)

    found = list(check_sender_domain("example.org", ["mailjet"], fail))
    assert {finding.level for finding in found} == {Level.WARNING}
    assert all("no answer" in finding.detail for finding in found)
