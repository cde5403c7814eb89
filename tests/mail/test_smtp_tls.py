"""SMTP over TLS against a server that is not ours: Mailpit with a certificate of its own."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from service.domain.delivery.retry import SendOutcome
from service.mail.provider import MisconfiguredError, Provider, TemporaryError
from service.mail.registry import build_provider
from tests.mail.peers import free_port, program, running
from tests.mail.samples import make_mails, send


@dataclass(frozen=True)
class TlsServer:
    http: str
    smtp_port: int
    certificate: Path

    def mails(self) -> int:
        answer = requests.get(f"http://{self.http}/api/v1/messages", timeout=5)
        return int(answer.json()["total"])


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail under test")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


@pytest.fixture(params=["starttls", "implicit"], scope="module")
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    folder = tmp_path_factory.mktemp("mailpit-tls")
    certificate, key = make_certificate(folder)
    http, smtp = free_port(), free_port()
    command = [
        program("mailpit", ".venv/bin"),
        *("--listen", f"127.0.0.1:{http}", "--smtp", f"127.0.0.1:{smtp}", "--quiet"),
        *("--database", str(folder / "mail.db"), "--disable-version-check"),
        *("--smtp-tls-cert", str(certificate), "--smtp-tls-key", str(key)),
        "--smtp-require-starttls" if mode == "starttls" else "--smtp-require-tls",
        "--smtp-auth-accept-any",
    ]
    with running(command, http, smtp):
        yield TlsServer(f"127.0.0.1:{http}", smtp, certificate)


Build = Callable[[str], Provider]


@pytest.fixture
def build(mode: str, server: TlsServer, tmp_path: Path) -> Build:
    scheme = "smtp" if mode == "starttls" else "smtps"

    def _build(options: str = "") -> Provider:
        dsn = f"{scheme}://us%40er:p%2Fw@127.0.0.1:{server.smtp_port}{options}"
        return build_provider(dsn, mailbox_dir=tmp_path)

    return _build


def test_mail_and_password_go_over_tls_where_the_certificate_is_trusted(
    server: TlsServer, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    before = server.mails()
    with closing(build("?tls=require")) as provider:
        send_results = [send(provider, [mail])[0] for mail in make_mails(2)]
    assert [send_result.outcome for send_result in send_results] == [SendOutcome.ACCEPTED] * 2
    assert server.mails() == before + 2


def test_nothing_is_sent_where_the_certificate_is_not_trusted(
    server: TlsServer, build: Build
) -> None:
    before = server.mails()
    with closing(build("")) as provider, pytest.raises(TemporaryError) as caught:
        send(provider, make_mails(1))
    assert caught.value.code == "tls_failed"
    assert server.mails() == before


def test_tls_that_is_turned_off_stays_on_for_smtps_alone(
    server: TlsServer, build: Build, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    before = server.mails()
    refused = pytest.raises(MisconfiguredError) if mode == "starttls" else nullcontext()
    with closing(build("?tls=none")) as provider, refused:
        send(provider, make_mails(1))
    assert server.mails() == before + (mode == "implicit")
