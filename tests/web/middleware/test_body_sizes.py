"""No route reads more than it has use for, whether or not the request says how much is coming."""

from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy.engine import URL

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ROUTES = [
    ("/v1/subscriptions", JSON, 256 * 1024),
    ("/v1/events/postmark", JSON, 1024 * 1024),
    *(
        (path, FORM, 16 * 1024)
        for path in (
            "/subscribe/news-flash",
            "/status/x.y",
            "/confirm/x.y",
            "/confirm/x.y/renew",
            "/unsubscribe/x.y",
            "/unsubscribe/undo",
            "/unsubscribe/reason",
        )
    ),
]


@pytest.fixture
def database_url(sqlite_url: URL) -> URL:
    """Sizes do not depend on the database."""
    return sqlite_url


def send(client: FlaskClient, path: str, media: str, body: bytes, *, in_chunks: bool) -> int:
    """Send the body, in chunks as the server hands them on: without a length, but with an end."""
    given = {"wsgi.input_terminated": True} if in_chunks else {"CONTENT_LENGTH": str(len(body))}
    answer = client.post(
        path, input_stream=BytesIO(body), content_type=media, environ_overrides=given
    )
    return answer.status_code


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize(("path", "media", "limit"), ROUTES)
def test_what_is_too_long_is_refused(
    client: FlaskClient, path: str, media: str, limit: int, in_chunks: bool
) -> None:
    body = b'{"email": "ada@example.org"}' if media == JSON else b"email=ada%40example.org&x="
    fill = b" " if media == JSON else b"x"
    assert send(client, path, media, body.ljust(limit, fill), in_chunks=in_chunks) != 413
    for size in (limit + 1, 3 * limit):
        assert send(client, path, media, body.ljust(size, fill), in_chunks=in_chunks) == 413


def test_what_comes_in_chunks_is_read_to_its_end(client: FlaskClient) -> None:
    body = b"email=ada%40example.org"
    assert send(client, "/subscribe/news-flash", FORM, body, in_chunks=True) == 303
    body = b'{"email": "ada@example.org"}'
    assert send(client, "/v1/subscriptions", JSON, body, in_chunks=True) == 202
