"""A call goes to the address that was checked, in the name of the host, and nowhere else."""

import datetime
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from service import outbound
from service.clock import utc_now
from service.webhooks.call import Call, CallResult, new_secret
from service.webhooks.pinned import checked_look_up

NAME = "hooks.example.org"


class Names:
    """A resolver that says something else each time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (
                socket.AF_INET6 if ":" in text else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (text, port),
            )
            for text in answer.split(",")
            if text
        ]


def call(url: str, names: Any, *, allow_private: bool = False) -> CallResult:
    caller = Call(allow_private=allow_private, total_seconds=1.0, resolver=names)
    return caller(url, new_secret(), event_id=uuid4(), payload={"type": "x"}, now=utc_now())


@pytest.mark.parametrize(
    "answer",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1%eth0",
        "8.8.8.8,127.0.0.1",
        "2606:4700::1111,fd00::1",
    ],
)
def test_a_name_that_leads_inside_is_refused(answer: str) -> None:
    assert call(f"https://{NAME}/", Names(answer)).error == "target_not_public"


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/"]
)
def test_no_way_of_writing_an_inner_address_gets_through(url: str) -> None:
    assert call(url, socket.getaddrinfo).error in ("target_not_public", "name_unknown")


def test_plain_http_is_refused(httpserver: HTTPServer) -> None:
    assert call(httpserver.url_for("/"), Names("8.8.8.8")).error == "https_required"


def test_a_name_that_is_unknown_is_told_so() -> None:
    def nobody(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror

    assert call(f"https://{NAME}/", nobody).error == "name_unknown"
    assert call(f"https://{NAME}/", Names("")).error == "name_unknown"


def test_a_name_is_looked_up_once(httpserver: HTTPServer) -> None:
    """Rebinding: the second answer would lead elsewhere, and is never asked for."""
    httpserver.expect_request("/hook").respond_with_data("")
    names = Names("127.0.0.1", "192.0.2.1")
    result = call(f"http://{NAME}:{httpserver.port}/hook", names, allow_private=True)
    assert (result.status_code, names.asked) == (200, [NAME])
    (request, _), *_ = httpserver.log
    assert request.headers["Host"] == f"{NAME}:{httpserver.port}"


def test_a_name_that_leads_inside_later_is_refused_then() -> None:
    names = Names("192.0.2.1", "127.0.0.1")
    for _ in range(2):
        assert call(f"https://{NAME}/", names).error == "target_not_public"


def test_proxies_of_the_environment_are_not_used(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    httpserver.expect_request("/hook").respond_with_data("")
    url = f"http://{NAME}:{httpserver.port}/hook"
    assert call(url, Names("127.0.0.1"), allow_private=True).status_code == 200


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for `NAME` that signs itself, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path = folder / "key.pem"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context


@pytest.fixture
def tls_server(authority: tuple[Path, ssl.SSLContext]) -> Iterator[HTTPServer]:
    with HTTPServer(ssl_context=authority[1]) as server:
        yield server


def get(url: str, authority: Path) -> requests.Response:
    checked = checked_look_up(allow_private=True, resolver=Names("127.0.0.1"))
    with outbound.session(look_up=checked) as session:
        return session.get(url, verify=str(authority))


def test_the_certificate_is_that_of_the_name(
    tls_server: HTTPServer, authority: tuple[Path, ssl.SSLContext]
) -> None:
    def host_of(request: Request) -> Response:
        return Response(request.headers["Host"])

    tls_server.expect_request("/").respond_with_handler(host_of)
    port = tls_server.port
    assert get(f"https://{NAME}:{port}/", authority[0]).text == f"{NAME}:{port}"
    with pytest.raises(requests.exceptions.SSLError):
        get(f"https://other.example.org:{port}/", authority[0])


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_server: HTTPServer) -> None:
    url = f"https://{NAME}:{tls_server.port}/"
    assert call(url, Names("127.0.0.1"), allow_private=True).error == "tls_failed"
