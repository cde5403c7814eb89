"""Adapters against programs that are not ours: Mailpit, Prism on published descriptions, moto."""

from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from service.domain.delivery.retry import SendOutcome
from service.mail.compose import compose
from service.mail.provider import MisconfiguredError, OutcomeUnknownError, Provider, RejectedError
from service.mail.registry import build_provider
from tests.mail.peers import DESCRIPTIONS, free_port, program, running
from tests.mail.samples import make_input, make_mails, send


@dataclass(frozen=True)
class Mailpit:
    http: str
    smtp_port: int

    def get(self, path: str) -> Any:
        answer = requests.get(f"http://{self.http}/api/v1/{path}", timeout=5)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def mailpit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailpit]:
    http, smtp = free_port(), free_port()
    command = [
        program("mailpit", ".venv/bin"),
        *("--listen", f"127.0.0.1:{http}", "--smtp", f"127.0.0.1:{smtp}", "--quiet"),
        *("--database", str(tmp_path_factory.mktemp("mailpit") / "mail.db")),
        *("--disable-version-check", "--smtp-auth-accept-any", "--smtp-auth-allow-insecure"),
    ]
    with running(command, http, smtp):
        yield Mailpit(f"127.0.0.1:{http}", smtp)


@pytest.fixture(params=["mailpit", "smtp", "smtp-login"])
def provider(
    request: pytest.FixtureRequest, mailpit: Mailpit, tmp_path: Path
) -> Iterator[Provider]:
    dsn = {
        "mailpit": f"mailpit://{mailpit.http}?scheme=http",
        "smtp": f"smtp://127.0.0.1:{mailpit.smtp_port}",
        "smtp-login": f"smtp://us%40er:p%2Fw@127.0.0.1:{mailpit.smtp_port}",
    }[request.param]
    provider = build_provider(dsn, mailbox_dir=tmp_path)
    yield provider
    provider.close()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_mailpit_receives_what_was_composed(
    mailpit: Mailpit, provider: Provider, number: int
) -> None:
    requests.delete(f"http://{mailpit.http}/api/v1/messages", timeout=5).raise_for_status()
    (mail,) = [compose(make_input(number, recipient=f"r{number}@bücher.example"))]
    (send_result,) = send(provider, [mail])
    assert send_result.outcome is SendOutcome.ACCEPTED

    (summary,) = mailpit.get("messages")["messages"]
    message = mailpit.get(f"message/{summary['ID']}")
    headers = mailpit.get(f"message/{summary['ID']}/headers")
    assert message["From"] == {"Name": "Zoë, of “News”", "Address": "news@example.com"}
    assert message["To"] == [{"Name": "", "Address": f"r{number}@xn--bcher-kva.example"}]
    assert message["Subject"] == mail.subject
    assert str(message["Text"]).replace("\r\n", "\n").strip() == mail.text.strip()
    assert str(message["HTML"]).replace("\r\n", "\n").strip() == mail.html.strip()
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted"):
        assert headers[name] == [mail.headers[name]]
    assert str(headers["List-Id"][0]).endswith("<news-flash.news.example.com>")
    if provider.name == "mailpit":
        assert send_result.provider_message_id == summary["ID"]
    else:
        assert send_result.provider_message_id == f"<{message['MessageID']}>"
        assert headers["Date"] == ["Sun, 01 Mar 2026 12:30:00 +0000"]


PUBLISHED = {
    "postmark": "postmark-server.swagger2.yaml",
    "sendgrid": "sendgrid-mail-v3.openapi.yaml",
}


@pytest.fixture(scope="module", params=sorted(PUBLISHED))
def prism(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    file = DESCRIPTIONS / PUBLISHED[request.param]
    if not file.exists():
        pytest.skip(f"the published description {file.name} is not here")
    port = free_port()
    command = [
        program("prism", ".venv/node/node_modules/.bin", "node_modules/.bin"),
        *("mock", "--errors", "--port", str(port), str(file)),
    ]
    with running(command, port):
        yield request.param, f"127.0.0.1:{port}"


@pytest.mark.parametrize("count", [1, 3])
def test_prism_finds_the_request_as_published(
    prism: tuple[str, str], tmp_path: Path, count: int
) -> None:
    name, host = prism
    provider = build_provider(f"{name}://token@{host}?scheme=http", mailbox_dir=tmp_path)
    mails = make_mails(count)
    # Prism answers Postmark's call with an example for one mail: the request was good then, too.
    example = pytest.raises(OutcomeUnknownError, match=r"^malformed_answer$")
    with closing(provider), example if (name, count) == ("postmark", 3) else nullcontext():
        send_results = send(provider, mails)
        assert [send_result.outcome for send_result in send_results] == [
            SendOutcome.ACCEPTED
        ] * count


@pytest.mark.parametrize("prism", ["sendgrid"], indirect=True)  # Postmark's requires nothing
def test_prism_refuses_a_bad_sendgrid_mail(prism: tuple[str, str], tmp_path: Path) -> None:
    _, host = prism
    provider = build_provider(f"sendgrid://token@{host}?scheme=http", mailbox_dir=tmp_path)
    (mail,) = [compose(make_input(recipient="nobody"))]
    with closing(provider), pytest.raises(RejectedError):
        send(provider, [mail])


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    port = free_port()
    command = [program("moto_server", ".venv/bin"), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port):
        yield f"127.0.0.1:{port}"


def test_moto_takes_a_mail_for_ses_only_from_a_verified_sender(moto: str, tmp_path: Path) -> None:
    provider = build_provider(
        f"ses://AKIDEXAMPLE:secret@{moto}?scheme=http&region=eu-central-1", mailbox_dir=tmp_path
    )
    with closing(provider):
        with pytest.raises((RejectedError, MisconfiguredError)):
            send(provider, make_mails(1))
        authorization = (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260301/eu-central-1/ses/aws4_request"
        )
        requests.post(
            f"http://{moto}/v2/email/identities",
            json={"EmailIdentity": "news@example.com"},
            headers={"Authorization": authorization},
            timeout=5,
        ).raise_for_status()
        (send_result,) = send(provider, make_mails(1))
        assert send_result.outcome is SendOutcome.ACCEPTED
        assert send_result.provider_message_id
