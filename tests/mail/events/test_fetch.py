"""Getting a certificate: one plain GET, and nothing that a server could lead astray."""

import socket

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from service.domain.errors import UnavailableError
from service.mail.events.fetch import MAX_BYTES, fetch


def test_the_file_is_returned(httpserver: HTTPServer):
    httpserver.expect_request("/cert.pem", method="GET").respond_with_data(b"PEM")
    assert fetch(httpserver.url_for("/cert.pem")) == b"PEM"
    sent, _ = httpserver.log[0]
    assert "Authorization" not in sent.headers
    assert "Cookie" not in sent.headers


@pytest.mark.parametrize("status", [204, 301, 302, 307, 404, 500])
def test_anything_but_a_200_is_out_of_reach(httpserver: HTTPServer, status: int):
    httpserver.expect_request("/cert.pem").respond_with_response(
        Response(status=status, headers={"Location": httpserver.url_for("/elsewhere")})
    )
    with pytest.raises(UnavailableError, match=f"http_{status}"):
        fetch(httpserver.url_for("/cert.pem"))
    assert len(httpserver.log) == 1


def test_no_more_than_a_certificate_is_read(httpserver: HTTPServer):
    httpserver.expect_request("/cert.pem").respond_with_data(b"x" * (MAX_BYTES + 9))
    with pytest.raises(UnavailableError, match="AnswerTooLargeError"):
        fetch(httpserver.url_for("/cert.pem"))


def test_a_refused_connection_is_out_of_reach():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(UnavailableError):
        fetch(f"http://127.0.0.1:{port}/cert.pem")


def test_half_an_answer_is_out_of_reach(httpserver: HTTPServer):
    httpserver.expect_request("/cert.pem").respond_with_response(
        Response([b"half"], headers={"Content-Length": "100"})
    )
    with pytest.raises(UnavailableError):
        fetch(httpserver.url_for("/cert.pem"))
