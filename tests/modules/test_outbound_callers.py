"""Every call to another system goes through the one factory, and so ends in time."""

import re
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from service.clock import utc_now
from service.domain.errors import IssuerUnavailableError, UnavailableError
from service.domain.finding import Level
from service.mail import checks
from service.mail.events import fetch
from service.oidc import calls
from service.oidc.discovery import Discovery
from service.webhooks.call import Call, new_secret
from tests.mail import raw
from tests.mail.raw import RawServer
from tests.modules.test_outbound import QUICK, hanging

__all__ = ["hanging"]

SERVICE = Path(__file__).parents[2] / "service"
OWNERS = {"outbound.py", "deadline.py", "smtp_client.py", "listening.py"}
TRICKLES = [raw.trickle_head, raw.trickle, raw.trickle_chunks]


@pytest.mark.parametrize("script", TRICKLES)
def test_a_certificate_that_trickles_is_given_up(
    script: raw.Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LIMITS", replace(QUICK, answer_bytes=10**6))
    with RawServer([script]) as server, pytest.raises(UnavailableError):
        fetch.fetch(f"http://{server.host}/")


@pytest.mark.parametrize("script", TRICKLES)
def test_an_identity_provider_that_trickles_is_given_up(
    script: raw.Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "LIMITS", replace(QUICK, answer_bytes=10**6))
    with RawServer([script]) as server, pytest.raises(IssuerUnavailableError):
        Discovery(f"http://{server.host}")()


@pytest.mark.parametrize("script", TRICKLES)
def test_doctor_gives_a_mail_api_up_that_trickles(
    script: raw.Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_LIMITS", replace(QUICK, answer_bytes=10**6))
    with RawServer([script]) as server:
        finding = checks.check_provider(f"postmark://k@{server.host}?scheme=http")
    assert (finding.level, "no connection" in finding.detail) == (Level.FAILED, True)


def test_doctor_gives_a_mail_server_up_that_trickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "TIMEOUT_SECONDS", 0.4)

    def greet(peer: raw.Peer) -> None:
        raw.trickle_slowly(peer, b"220 " + b"x" * 200)
        peer.send(b"\r\n")

    with RawServer([greet]) as server:
        finding = checks.check_provider(f"smtp://{server.host}")
    assert (finding.level, "no connection" in finding.detail) == (Level.FAILED, True)


def test_a_receiver_that_trickles_its_head_is_given_up() -> None:
    with RawServer([raw.trickle_head]) as server:
        assert _call(f"http://{server.host}/") == (None, "timeout")


def test_a_receivers_name_that_hangs_is_given_up(hanging: object) -> None:
    assert _call("http://slow.example/", hanging) == (None, "timeout")


def test_a_receiver_that_trickles_its_body_has_answered() -> None:
    with RawServer([raw.trickle]) as server:
        assert _call(f"http://{server.host}/") == (200, None)


def _call(url: str, *resolver: object) -> tuple[int | None, str | None]:
    named = {"resolver": resolver[0]} if resolver else {}
    call = Call(allow_private=True, total_seconds=0.6, **named)  # type: ignore[arg-type]
    made = call(url, new_secret(), event_id=uuid4(), payload={"type": "x"}, now=utc_now())
    return made.status_code, made.error


def test_nobody_opens_a_connection_of_their_own() -> None:
    """A call that does not go through the factory has no deadline."""
    assert [
        (str(path.relative_to(SERVICE)), found[0])
        for path in SERVICE.rglob("*.py")
        if path.name not in OWNERS
        for found in _OPENERS.finditer(path.read_text())
    ] == []


_OPENERS = re.compile(
    r"requests\.(Session|request|get|post)\(|smtplib\.SMTP(_SSL)?\(|urlopen\(|HTTPS?Connection\("
    r"|socket\.(create_connection|getaddrinfo|gethostby\w+|getfqdn|socket)\("
)
