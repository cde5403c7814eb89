"""What cannot be prepared is one mail's own fault: not its provider's, batch's or neighbours'.

With every adapter, alone and among others.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from service.clock import utc_now
from service.domain.delivery.retry import SendOutcome
from service.mail.provider import Mail, PreparedCall, Provider
from service.mail.registry import build_provider
from service.outbound import Limits
from service.usecases.delivery.provider_call import Sent, call_provider
from service.usecases.delivery.providers import GuardedProvider
from tests.mail.apis import APIS, Api
from tests.mail.raw import RawServer, trickle_head
from tests.mail.samples import KEY, make_mails
from tests.mail.test_smtp import speak

POISONED = "=?utf-8?q?=0a?=@example.org"


def spoilt(mail: Mail, how: str) -> Mail:
    return {
        "recipient": replace(mail, recipient=POISONED),
        "local part": replace(mail, recipient="jörg@example.org"),
        "text": replace(mail, text="\ud800"),
        "subject": replace(mail, subject="\udfff"),
    }[how]


@pytest.fixture(params=["recipient", "text", "subject"])
def how(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(params=APIS, ids=str)
def api(request: pytest.FixtureRequest) -> Api:
    found: Api = request.param
    return found


@pytest.fixture
def guarded(api: Api, httpserver: HTTPServer, tmp_path: Path) -> Iterator[GuardedProvider]:
    dsn = api.dsn.format(host=f"{httpserver.host}:{httpserver.port}")
    provider = build_provider(dsn, mailbox_dir=tmp_path)
    yield GuardedProvider(provider)
    provider.close()


def outcomes(sent: Sent, mails: list[Mail]) -> list[tuple[SendOutcome, str | None]]:
    found = [sent.send_results[mail.message_id] for mail in mails]
    return [(each.outcome, each.error) for each in found]


def error_of(how: str) -> str:
    return "address_unsupported" if how == "recipient" else "not_sendable"


def test_alone_it_is_rejected_and_nobody_is_called(
    guarded: GuardedProvider, httpserver: HTTPServer, how: str
) -> None:
    mail = spoilt(make_mails(1)[0], how)
    sent = call_provider(guarded, [mail], key=KEY)
    assert outcomes(sent, [mail]) == [(SendOutcome.REJECTED, error_of(how))]
    assert sent.failure is None
    assert guarded.is_closed(utc_now())
    assert httpserver.log == []


def test_its_neighbours_go_in_one_call_without_it(
    api: Api, guarded: GuardedProvider, httpserver: HTTPServer, how: str
) -> None:
    if api.batch == 1:
        pytest.skip("one mail a call")
    mails = make_mails(3)
    mails[1] = spoilt(mails[1], how)
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.extend(recipient for one in api.read(request) for recipient in one.recipients)
        return api.yes(2)

    httpserver.expect_request(api.path, method="POST").respond_with_handler(handle)
    sent = call_provider(guarded, mails, key=KEY)
    accepted = (SendOutcome.ACCEPTED, None)
    assert outcomes(sent, mails) == [accepted, (SendOutcome.REJECTED, error_of(how)), accepted]
    assert seen == [mails[0].recipient, mails[2].recipient]
    assert len(httpserver.log) == 1
    assert guarded.is_closed(utc_now())


def test_it_does_not_open_the_way_to_a_provider_that_is_paused(
    guarded: GuardedProvider, how: str
) -> None:
    now = utc_now()
    guarded.fail(began_at=now, now=now)
    call_provider(guarded, [spoilt(make_mails(1)[0], how)], key=KEY)
    assert not guarded.is_closed(now), "nobody was called, so nothing is known of the provider"


def test_smtp_and_the_mailbox_do_the_same(tmp_path: Path, how: str) -> None:
    heard: list[bytes] = []
    good, other = make_mails(2)
    with RawServer([speak({}, heard)]) as server:
        guarded = GuardedProvider(build_provider(f"smtp://{server.host}", mailbox_dir=tmp_path))
        bad = spoilt(other, how)
        refused = call_provider(guarded, [bad], key=KEY)
        taken = call_provider(guarded, [good], key=KEY)
        guarded.provider.close()
    assert outcomes(refused, [bad]) == [(SendOutcome.REJECTED, error_of(how))]
    assert outcomes(taken, [good]) == [(SendOutcome.ACCEPTED, None)]
    assert sum(line.startswith(b"RCPT") for line in heard) == 1
    assert guarded.is_closed(utc_now())

    guarded = GuardedProvider(build_provider("mailbox:", mailbox_dir=tmp_path / "mailbox"))
    sent = call_provider(guarded, [bad, good], key=KEY)
    assert outcomes(sent, [bad, good]) == [
        (SendOutcome.REJECTED, error_of(how)),
        (SendOutcome.ACCEPTED, None),
    ]
    assert guarded.is_closed(utc_now())


@pytest.mark.parametrize("count", [1, 3])
def test_a_local_part_that_is_not_ascii_costs_no_call_where_it_cannot_go(
    api: Api, guarded: GuardedProvider, httpserver: HTTPServer, count: int
) -> None:
    mails = make_mails(count if api.batch > 1 else 1)
    mails[-1] = spoilt(mails[-1], "local part")
    is_carried = guarded.provider.reaches(mails[-1].recipient)
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.extend(recipient for one in api.read(request) for recipient in one.recipients)
        return api.yes(len(mails) - (not is_carried))

    httpserver.expect_request(api.path, method="POST").respond_with_handler(handle)
    sent = call_provider(guarded, mails, key=KEY)
    goes = mails if is_carried else mails[:-1]
    accepted, refused = (SendOutcome.ACCEPTED, None), (SendOutcome.REJECTED, "address_unsupported")
    assert outcomes(sent, mails) == [accepted if mail in goes else refused for mail in mails]
    assert seen == [mail.recipient for mail in goes]
    assert len(httpserver.log) == bool(goes)


def test_smtp_without_smtputf8_learns_it_once(tmp_path: Path) -> None:
    heard: list[bytes] = []
    good = make_mails(1)[0]
    bad = spoilt(good, "local part")
    with RawServer([speak({}, heard)]) as server:
        guarded = GuardedProvider(build_provider(f"smtp://{server.host}", mailbox_dir=tmp_path))
        assert guarded.provider.reaches(bad.recipient)
        first = call_provider(guarded, [bad], key=KEY)
        assert not guarded.provider.reaches(bad.recipient)
        second = call_provider(guarded, [bad], key=KEY)
        third = call_provider(guarded, [good], key=KEY)
        guarded.provider.close()
    refused = [(SendOutcome.REJECTED, "address_unsupported")]
    assert outcomes(first, [bad]) == outcomes(second, [bad]) == refused
    assert outcomes(third, [good]) == [(SendOutcome.ACCEPTED, None)]
    assert not any(line.startswith(b"RCPT TO:<j") for line in heard)
    assert guarded.is_closed(utc_now())


def test_smtp_with_smtputf8_carries_it(tmp_path: Path) -> None:
    heard: list[bytes] = []
    mail = spoilt(make_mails(1)[0], "local part")
    with RawServer([speak({b"EHLO": b"250-here\r\n250 SMTPUTF8"}, heard)]) as server:
        guarded = GuardedProvider(build_provider(f"smtp://{server.host}", mailbox_dir=tmp_path))
        sent = call_provider(guarded, [mail], key=KEY)
        guarded.provider.close()
    assert outcomes(sent, [mail]) == [(SendOutcome.ACCEPTED, None)]
    assert "RCPT TO:<jörg@example.org>".encode() in heard
    assert b"MAIL FROM:<news@example.com> SMTPUTF8" in heard
    assert "To: jörg@example.org\r\n".encode() in heard


def test_an_answer_that_trickles_pauses_the_provider_and_leaves_the_outcome_open(
    api: Api, tmp_path: Path
) -> None:
    limits = Limits(connect_seconds=1, read_seconds=0.2, total_seconds=0.4)
    with RawServer([trickle_head]) as server:
        provider = build_provider(
            api.dsn.format(host=server.host), mailbox_dir=tmp_path, limits=limits
        )
        guarded = GuardedProvider(provider)
        mails = make_mails(1)
        sent = call_provider(guarded, mails, key=KEY)
        provider.close()
    assert outcomes(sent, mails) == [(SendOutcome.UNKNOWN, "read_timeout")]
    assert not guarded.is_closed(utc_now())


class Broken:
    """An adapter whose `prepare` fails for all mails."""

    def __init__(self, provider: Provider) -> None:
        self.name, self.batch_size = provider.name, provider.batch_size
        self.key_life, self.pace = provider.key_life, provider.pace

    def reaches(self, address: str) -> bool:
        return True

    def prepare(self, mails: object, *, key: str) -> PreparedCall:
        raise RecursionError

    def close(self) -> None:
        """Nothing is open."""


def test_an_adapter_that_prepares_nothing_rejects_each_mail_and_is_not_paused(
    tmp_path: Path,
) -> None:
    guarded = GuardedProvider(Broken(build_provider("mailbox:", mailbox_dir=tmp_path)))
    mails = make_mails(3)
    sent = call_provider(guarded, mails, key=KEY)
    assert outcomes(sent, mails) == [(SendOutcome.REJECTED, "not_sendable")] * 3
    assert guarded.is_closed(utc_now())


def test_smtp_names_an_address_as_it_is(tmp_path: Path) -> None:
    """The standard library would parse it as the value of a header."""
    heard: list[bytes] = []
    mail = replace(make_mails(1)[0], recipient="a'b+c=d@example.org")
    with RawServer([speak({}, heard)]) as server:
        guarded = GuardedProvider(build_provider(f"smtp://{server.host}", mailbox_dir=tmp_path))
        call_provider(guarded, [mail], key=KEY)
        guarded.provider.close()
    assert b"RCPT TO:<a'b+c=d@example.org>" in heard
    assert b"MAIL FROM:<news@example.com>" in heard
    assert b"To: a'b+c=d@example.org\r\n" in heard


@pytest.mark.parametrize("recipient", ["a@example.org>\r\nRCPT TO:<b@example.org", "a b@e.org", ""])
def test_smtp_writes_no_address_that_would_begin_a_command(tmp_path: Path, recipient: str) -> None:
    mail = replace(make_mails(1)[0], recipient=recipient)
    guarded = GuardedProvider(build_provider("smtp://127.0.0.1:9", mailbox_dir=tmp_path))
    sent = call_provider(guarded, [mail], key=KEY)
    assert outcomes(sent, [mail]) == [(SendOutcome.REJECTED, "not_sendable")]
