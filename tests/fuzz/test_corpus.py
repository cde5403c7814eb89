"""The corpus of bad requests against a real server: no 500, no leak, each a problem document."""

import http.client
import json
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.features.conftest import running_site
from tests.features.site import Site
from tests.fuzz.corpus import NO_METHODS, Raw, corpus

LEAKS = ("Traceback", "sqlite3", "sqlalchemy", "site-packages", "SELECT ", "INSERT ", "/service/")


def send(site: Site, raw: Raw, key: str) -> tuple[int, dict[str, str], bytes]:
    """Send the bytes as they are; a server that hangs up on what is no HTTP gives status 0."""
    method, target, headers, body = raw
    given = {"Host": "127.0.0.1", "Connection": "close", "Authorization": f"Bearer {key}"}
    if "Transfer-Encoding" not in headers:
        given["Content-Length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (given | headers).items()]
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    try:
        connection.connect()
        connection.sock.settimeout(20)
        connection.sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        answer = http.client.HTTPResponse(
            connection.sock, method="GET" if method != "HEAD" else method
        )
        answer.begin()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    except (http.client.HTTPException, OSError):
        return 0, {}, b""
    finally:
        connection.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory):
    """A site of the module's own."""
    folder: Path = tmp_path_factory.mktemp("corpus")
    with running_site(folder, make_url(f"sqlite:///{folder}/newsflash.db")) as made:
        yield made


def test_no_bad_request_is_more_than_a_problem(site: Site) -> None:
    key = site.admin["Authorization"].removeprefix("Bearer ")
    requests, wrong = list(corpus()), []
    assert len(requests) >= 300
    hung_up = 0
    for raw in requests:
        status, headers, body = send(site, raw, key)
        text, kind = body.decode(errors="replace"), headers.get("content-type", "")
        what = f"{raw[0][:20]} {raw[1][:60]!r} {str(raw[2])[:80]} {raw[3][:40]!r}: {status} {kind}"
        if status in (0, 400) and not headers.get("x-content-type-options"):
            hung_up += 1  # the server refused it before the app saw it
            continue
        is_api = raw[1].startswith("/v1/") and ".." not in raw[1]
        is_unknown = status == 501 and raw[0] in NO_METHODS
        is_bad = (status >= 500 and not is_unknown) or any(leak in text for leak in LEAKS)
        if status >= 400 and is_api:
            is_problem = kind == "application/problem+json"
            is_bad |= not is_problem or json.loads(text)["status"] != status
        if is_bad:
            wrong.append(what)
        if key in text:
            wrong.append(f"key shown: {what}")
    assert not wrong, "\n".join(wrong)
    assert hung_up < len(requests) // 20
    assert "Traceback" not in site.log
    assert '"level": "error"' not in site.log
    assert key not in site.log.partition("API key")[2].partition("\n{")[2]
    assert site.sign_up("ada@example.org").status_code == 202
