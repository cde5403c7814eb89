"""SMTP: what each reply means, and each point where a transaction can break."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.domain.delivery.retry import SendOutcome
from service.mail.dsn import DsnError
from service.mail.provider import (
    MisconfiguredError,
    OutcomeUnknownError,
    Provider,
    ProviderError,
    RejectedError,
    SenderRefusedError,
    TemporaryError,
)
from service.mail.registry import build_provider
from service.outbound import Limits
from tests.mail.raw import Peer, RawServer, Script, trickle_handshake
from tests.mail.samples import make_mails, send

QUICK = Limits(connect_seconds=0.5, read_seconds=0.3, total_seconds=2)
GOOD = {
    b"": b"220 ready",
    b"EHLO": b"250-here\r\n250 AUTH PLAIN",
    b"AUTH": b"235 yes",
    b"RSET": b"250 ok",
    b"MAIL": b"250 ok",
    b"RCPT": b"250 ok",
    b"DATA": b"354 go on",
    b".": b"250 queued",
    b"QUIT": b"221 bye",
}
CLOSE, HANG = b"<close>", b"<hang>"


def speak(answers: dict[bytes, bytes], heard: list[bytes] | None = None) -> Script:
    """Serve one connection: a reply for each verb, `.` for the end of the content."""
    replies = {**GOOD, **answers}

    def reply(peer: Peer, verb: bytes) -> bool:
        if replies[verb] == HANG:
            peer.ended.wait(10)
        if replies[verb] in (HANG, CLOSE):
            return False
        peer.send(replies[verb] + b"\r\n")
        return True

    def script(peer: Peer) -> None:
        is_open = reply(peer, b"")
        while is_open and (line := peer.read_line()):
            verb = line[:4].upper()
            if heard is not None:
                heard.append(line.strip())
            is_open = reply(peer, verb)
            if verb == b"DATA" and replies[b"DATA"].startswith(b"354"):
                while is_open and (line := peer.read_line()) not in (b".\r\n", b""):
                    if heard is not None:
                        heard.append(line)
                is_open = is_open and reply(peer, b".")

    return script


Build = Callable[..., Provider]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    built: list[Provider] = []

    def _build(dsn: str) -> Provider:
        built.append(build_provider(dsn, mailbox_dir=tmp_path, limits=QUICK))
        return built[-1]

    yield _build
    for provider in built:
        provider.close()


@pytest.mark.parametrize(
    ("answers", "kind", "code"),
    [
        ({b"": b"421 busy"}, TemporaryError, "smtp_421"),
        ({b"": b"554 go away"}, MisconfiguredError, "smtp_554"),
        ({b"": CLOSE}, TemporaryError, "connect_failed"),
        ({b"": HANG}, TemporaryError, "connect_failed"),
        ({b"AUTH": b"454 later"}, TemporaryError, "smtp_454"),
        ({b"AUTH": b"535 no"}, MisconfiguredError, "smtp_535"),
        ({b"EHLO": b"250 here"}, MisconfiguredError, "smtp_no_auth"),
        ({b"MAIL": b"451 later"}, TemporaryError, "smtp_451"),
        ({b"MAIL": b"550 not you"}, SenderRefusedError, "smtp_550"),
        ({b"MAIL": b"530 log in"}, MisconfiguredError, "smtp_530"),
        ({b"MAIL": CLOSE}, TemporaryError, "smtp_connection_broken"),
        ({b"RCPT": b"450 greylisted"}, TemporaryError, "smtp_450"),
        ({b"RCPT": b"550 nobody@example.org unknown"}, RejectedError, "smtp_550"),
        ({b"RCPT": HANG}, TemporaryError, "smtp_connection_broken"),
        ({b"DATA": b"451 later"}, TemporaryError, "smtp_451"),
        ({b"DATA": CLOSE}, TemporaryError, "smtp_connection_broken"),
        ({b".": b"452 full"}, TemporaryError, "smtp_452"),
        ({b".": b"554 spam"}, RejectedError, "smtp_554"),
        ({b".": CLOSE}, OutcomeUnknownError, "smtp_connection_broken"),
        ({b".": HANG}, OutcomeUnknownError, "smtp_connection_broken"),
        ({b".": b"what?"}, OutcomeUnknownError, "smtp_malformed_reply"),
    ],
)
def test_failure_means_what_its_place_says(
    build: Build, answers: dict[bytes, bytes], kind: type[ProviderError], code: str
) -> None:
    with RawServer([speak(answers)]) as server:
        provider = build(f"smtp://user:pass@{server.host}")
        with closing(provider), pytest.raises(ProviderError) as caught:
            send(provider, make_mails(1))
    assert (type(caught.value), caught.value.code) == (kind, code)


def test_connection_carries_one_mail_after_another(build: Build) -> None:
    heard: list[bytes] = []
    mails = make_mails(2)
    with RawServer([speak({}, heard)]) as server:
        provider = build(f"smtp://{server.host}")
        send_results = [send(provider, [mail])[0] for mail in mails]
        provider.close()
    assert [send_result.outcome for send_result in send_results] == [SendOutcome.ACCEPTED] * 2
    assert send_results[0].provider_message_id == f"<{mails[0].message_id}@example.com>"
    recipients = [line[8:] for line in heard if line.upper().startswith(b"RCPT")]
    assert recipients == [b"<reader1@example.org>", b"<reader2@example.org>"]
    assert server.connections == 1


def test_kept_connection_that_ended_is_replaced_before_anything_is_sent(build: Build) -> None:
    with RawServer([speak({b"RSET": CLOSE}), speak({})]) as server:
        provider = build(f"smtp://{server.host}")
        for _ in range(2):
            assert send(provider, make_mails(1))[0].outcome is SendOutcome.ACCEPTED
        provider.close()
    assert server.connections == 2


def test_rejected_mail_leaves_the_connection_fit_for_the_next(build: Build) -> None:
    with RawServer([speak({b"RCPT": b"550 no"})]) as server:
        provider = build(f"smtp://{server.host}")
        for _ in range(2):
            with pytest.raises(RejectedError):
                send(provider, make_mails(1))
        provider.close()
    assert server.connections == 1


def test_wait_for_the_last_reply_ends_with_the_time_of_the_whole_call(tmp_path: Path) -> None:
    gave_up: list[bool] = []

    def dawdle(peer: Peer) -> None:
        for reply in (b"220 ready", b"250 here", b"250 ok", b"250 ok", b"354 go on"):
            peer.send(reply + b"\r\n")
            peer.read_line()
        gave_up.append(peer.ended.wait(20))

    limits = Limits(connect_seconds=0.5, read_seconds=0.1, total_seconds=0.5)
    with RawServer([dawdle]) as server:
        provider = build_provider(f"smtp://{server.host}", mailbox_dir=tmp_path, limits=limits)
        with closing(provider), pytest.raises(OutcomeUnknownError):
            send(provider, make_mails(1))
    assert gave_up == [True], "the server waited to the end, for the caller was still there"


def _trickle(peer: Peer, line: bytes) -> None:
    """Say a line byte by byte, each in good time, then end it."""
    for byte in line + b"x" * 400:
        if peer.ended.wait(0.02):
            return
        peer.send(bytes([byte]))
    peer.send(b"\r\n")


def _go_on_and_on(peer: Peer, line: bytes) -> None:
    """Say one line of a reply after the other, and no last one (RFC 5321, section 4.2.1)."""
    for _ in range(400):
        if peer.ended.wait(0.02):
            return
        peer.send(line[:3] + b"-more\r\n")
    peer.send(line + b"\r\n")


@pytest.mark.parametrize("say", [_trickle, _go_on_and_on])
@pytest.mark.parametrize(
    ("at", "kind"),
    [
        (0, TemporaryError),
        (1, TemporaryError),
        (2, TemporaryError),
        (3, TemporaryError),
        (4, TemporaryError),
        (5, OutcomeUnknownError),
    ],
)
def test_reply_that_trickles_ends_with_the_time_of_the_whole_call(
    tmp_path: Path, say: Callable[[Peer, bytes], None], at: int, kind: type[ProviderError]
) -> None:
    replies = [b"220 hi", b"250 here", b"250 ok", b"250 ok", b"354 go on", b"250 taken"]

    def script(peer: Peer) -> None:
        for place, reply in enumerate(replies):
            if place == at:
                say(peer, reply)
            else:
                peer.send(reply + b"\r\n")
            while (line := peer.read_line()) and place == 4 and line != b".\r\n":
                pass
            if not line:
                return

    limits = Limits(connect_seconds=0.6, read_seconds=0.3, total_seconds=0.8)
    with RawServer([script]) as server:
        provider = build_provider(f"smtp://{server.host}", mailbox_dir=tmp_path, limits=limits)
        with closing(provider), pytest.raises(ProviderError) as caught:
            send(provider, make_mails(1))
    assert type(caught.value) is kind


def test_tls_handshake_that_trickles_means_not_sent(tmp_path: Path) -> None:
    limits = Limits(connect_seconds=0.4, read_seconds=0.3, total_seconds=0.8)
    with RawServer([trickle_handshake]) as server:
        provider = build_provider(f"smtps://{server.host}", mailbox_dir=tmp_path, limits=limits)
        with closing(provider), pytest.raises(TemporaryError):
            send(provider, make_mails(1))


def test_server_that_spent_the_time_on_commands_gets_no_mail(tmp_path: Path) -> None:
    got: list[bytes] = []

    def dawdle(peer: Peer) -> None:
        for reply in (b"220 ready", b"250 here", b"250 ok"):
            peer.send(reply + b"\r\n")
            peer.read_line()
        peer.ended.wait(0.3)
        for reply in (b"250 ok", b"354 go on"):
            peer.send(reply + b"\r\n")
            got.append(peer.read_line())

    limits = Limits(connect_seconds=0.5, read_seconds=0.4, total_seconds=0.6)
    with RawServer([dawdle]) as server:
        provider = build_provider(f"smtp://{server.host}", mailbox_dir=tmp_path, limits=limits)
        with closing(provider), pytest.raises(TemporaryError, match="smtp_slow"):
            send(provider, make_mails(1))
    assert got == [b"DATA\r\n", b""]


def test_line_that_begins_with_a_dot_cannot_end_the_mail(build: Build) -> None:
    (mail,) = make_mails(1)
    heard: list[bytes] = []
    dotted = type(mail)(
        message_id=mail.message_id,
        sender=mail.sender,
        recipient=mail.recipient,
        subject="dots",
        text="one\n.\nRCPT TO:<victim@example.org>\n..two\n",
        html="<p>x</p>",
    )
    with RawServer([speak({}, heard)]) as server:
        provider = build(f"smtp://{server.host}")
        send(provider, [dotted])
        provider.close()
    assert b"..\r\n" in heard
    assert b"...two\r\n" in heard
    assert sum(line.startswith(b"RCPT TO:<victim") for line in heard) == 1
    assert b"RCPT TO:<victim@example.org>\r\n" in heard, "as a line of the mail, not a command"


def test_password_goes_to_another_machine_only_over_tls(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.mail.providers.smtp.is_loopback", lambda host: False)
    heard: list[bytes] = []
    with RawServer([speak({}, heard)]) as server:
        provider = build(f"smtp://user:pass@{server.host}")
        with pytest.raises(MisconfiguredError, match="smtp_no_tls"):
            send(provider, make_mails(1))
    assert not any(line.startswith(b"AUTH") for line in heard)


@pytest.mark.parametrize("dsn", ["smtp:", "smtp://default", "smtp://h?tls=maybe", "smtp://h?x=1"])
def test_wrong_dsn_is_refused(build: Build, dsn: str) -> None:
    with pytest.raises(DsnError):
        build(dsn)
