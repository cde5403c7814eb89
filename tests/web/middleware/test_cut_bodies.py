"""A body with fewer bytes than it announces is a broken request, whichever server hands it on."""

from io import BytesIO

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from service.services import Services
from service.usecases.access.keys import Keys
from service.usecases.lists.lists import Lists

FORM, JSON, CSV = "application/x-www-form-urlencoded", "application/json", "text/csv"
PLAIN_SERVER: dict[str, object] = {}
ENDING_SERVER: dict[str, object] = {"wsgi.input_terminated": True}
"""A server whose input ends by itself, however the client ended."""
HEADER = b"email,status,confirmed_at,source\n"
ROW = b"%b,confirmed,2025-01-02T03:04:05Z,shop\n"


class Breaking:
    """An input that raises where its client went away, or was too slow."""

    def __init__(self, body: bytes, error: type[Exception]) -> None:
        self._body = BytesIO(body)
        self._error = error

    def read(self, size: int = -1) -> bytes:
        if data := self._body.read(size):
            return data
        raise self._error


@pytest.fixture(params=["plain", "ending"])
def server(request: pytest.FixtureRequest) -> dict[str, object]:
    return PLAIN_SERVER if request.param == "plain" else ENDING_SERVER


@pytest.fixture
def admin(services: Services, engine: Engine) -> dict[str, str]:
    key = Keys(engine, lists=Lists(engine)).create("test", "admin", actor="test")
    return {"Authorization": f"Bearer {key}"}


def send(
    client: FlaskClient,
    path: str,
    media: str,
    body: bytes,
    *,
    environ: dict[str, object],
    headers: dict[str, str] | None = None,
    announced: str | None = None,
) -> tuple[int, str]:
    """Send a body, by default with three bytes fewer than it announces."""
    length = announced if announced is not None else str(len(body) + 3)
    answer = client.post(
        path,
        input_stream=BytesIO(body),
        content_type=media,
        headers=headers,
        environ_overrides={"CONTENT_LENGTH": length, **environ},
    )
    return answer.status_code, answer.text


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        found: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608
        return found


@pytest.mark.parametrize(
    ("path", "media", "body"),
    [
        ("/v1/subscriptions", JSON, b'{"email": "ada@example.co"}'),
        ("/subscribe/news-flash", FORM, b"email=ada%40example.co"),
        ("/subscribe/news-flash", FORM, b""),
        (
            "/subscribe/news-flash",
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\nada@example.co\r\n'
            b"--b--\r\n",
        ),
        ("/v1/events/postmark", JSON, b"{}"),
        ("/confirm/x.y", FORM, b"a=b"),
        ("/unsubscribe/x.y", FORM, b"List-Unsubscribe=One-Click"),
    ],
)
def test_nothing_is_taken_of_a_body_cut_short(
    client: FlaskClient,
    engine: Engine,
    server: dict[str, object],
    path: str,
    media: str,
    body: bytes,
) -> None:
    status, answer = send(client, path, media, body, environ=server)
    assert status == 400
    assert "The body is shorter than Content-Length. Send it again." in answer
    assert count(engine, "subscribers") == 0


@pytest.mark.parametrize("length", ["-5", "+5", "five", "5,5", "0x5", "\uff15", "1e3"])
def test_a_length_that_is_none_is_refused(client: FlaskClient, engine: Engine, length: str) -> None:
    body = b'{"email": "ada@example.co"}'
    status, _ = send(
        client, "/v1/subscriptions", JSON, body, environ=ENDING_SERVER, announced=length
    )
    assert status == 400
    assert count(engine, "subscribers") == 0


def test_a_length_beside_chunks_is_refused(client: FlaskClient, engine: Engine) -> None:
    body = b'{"email": "ada@example.co"}'
    environ = ENDING_SERVER | {"HTTP_TRANSFER_ENCODING": "chunked"}
    status, _ = send(
        client, "/v1/subscriptions", JSON, body, environ=environ, announced=str(len(body))
    )
    assert status == 400
    assert count(engine, "subscribers") == 0


def test_bytes_beyond_the_length_are_not_read(
    client: FlaskClient, engine: Engine, server: dict[str, object]
) -> None:
    body = b'{"email": "ada@example.co"}'
    announced = str(len(body))
    status, _ = send(
        client, "/v1/subscriptions", JSON, body + b"munity", environ=server, announced=announced
    )
    assert status == 202
    assert count(engine, "subscribers") == 1


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_of_an_import_cut_short_the_last_row_is_not_taken(
    client: FlaskClient,
    engine: Engine,
    admin: dict[str, str],
    server: dict[str, object],
    rows: int,
) -> None:
    people = b"".join(ROW % b"p%d@example.org" % number for number in range(rows))
    body = HEADER + people.replace(b"%", b"") + b"stranger@example.co"
    status, answer = send(
        client, "/v1/subscribers/import", CSV, body, environ=server, headers=admin
    )
    assert status == 400, answer
    with engine.connect() as connection:
        taken = connection.execute(
            text("SELECT count(*) FROM subscribers WHERE email LIKE 'stranger%'")
        ).scalar_one()
        (detail,) = connection.execute(
            text("SELECT detail FROM audit_entries WHERE action = 'subscribers.imported'")
        ).one()
    assert taken == 0
    assert "broke_off" in str(detail)


def test_of_chunks_cut_short_the_last_row_is_not_taken(
    client: FlaskClient, engine: Engine, admin: dict[str, str]
) -> None:
    answer = client.post(
        "/v1/subscribers/import",
        content_type=CSV,
        headers=admin,
        environ_overrides=ENDING_SERVER
        | {
            "wsgi.input": Breaking(HEADER + b"stranger@example.co", ConnectionError),
            "CONTENT_LENGTH": "",
        },
    )
    assert answer.status_code == 400
    assert "The body ended too early. Send it again." in answer.text
    assert count(engine, "subscribers") == 0
    assert client.post("/v1/subscriptions", json={"email": "a@example.org"}).status_code == 202


def test_chunks_that_come_too_slowly_are_a_timeout(client: FlaskClient, engine: Engine) -> None:
    answer = client.post(
        "/v1/subscriptions",
        content_type=JSON,
        environ_overrides=ENDING_SERVER
        | {"wsgi.input": Breaking(b"{", TimeoutError), "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 408
    assert count(engine, "subscribers") == 0
