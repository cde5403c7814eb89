# ruff: noqa: E501
"""Bad requests as they come over the wire: bytes that no client library would send."""

import json
from collections.abc import Iterator
from itertools import product

API = "/v1/subscriptions"
FORM = "/subscribe/news-flash"
JSON, URLENCODED = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
BODIES = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b"0",
        b'"x"',
        b"{}",
        b"{'a':1}",
        b"\xff\xfe",
        b"\x00",
        b"\xef\xbb\xbf{}",
    ),
    *(b'{"email":null}', b'{"email":1}', b'{"email":[]}', b'{"email":{}}', b'{"email":""}'),
    *(
        b'{"email":"a@example.org","email":"b@example.org","x":1}',
        b'{"email":"\\ud800@example.org"}',
    ),
    *(b'{"email":"a\\u0000@example.org"}', b'{"email":"a@example.org\\r\\nBcc: b@example.org"}'),
    *(b'{"email":"a@example.org","lists":null}', b'{"email":"a@example.org","lists":["\\u0000"]}'),
    *(b'{"email":"a@example.org","name":"\\udfff"}', b'{"email":"a@example.org","name":"\\u0000"}'),
    *(
        b'{"email":"a@example.org","attributes":{"a":NaN}}',
        b'{"email":"a@example.org","locale":"%n"}',
    ),
    *(b'{"email":"a@example.org","attributes":{"a":1e999}}', b'{"email":1' + b"0" * 5000 + b"}"),
    *(
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"email":"' + b"a" * 100_000 + b'@example.org"}',
        b"x" * 300_000,
    ),
    b'{"email":"a@example.org","attributes":{"a":' + b"9" * 5000 + b"}}",
    b'{"email":"a@example.org","attributes":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    json.dumps({"email": "a@example.org", "lists": ["x"] * 10_000}).encode(),
)
FORMS = (
    *(
        b"",
        b"&&&&",
        b"=",
        b"%",
        b"%zz=%",
        b"email",
        b"email=%ff%fe",
        b"email=%00",
        b"email=a%00@example.org",
    ),
    *(
        b"email=a@example.org&name=%ed%a0%80",
        b"email=a@example.org&email=b@example.org&form_token=%00",
    ),
    *(
        b"email=a@example.org&step=%00&proof=e30=",
        b"email=a@example.org&consent_text=x:y&consent_text=:",
    ),
    *(b"&".join(b"f%d=x" % n for n in range(3000)), b"email=" + b"a" * 20_000, b"a" * 70_000),
)
PARTS = (
    *(
        b"",
        b"--",
        b"--b",
        b"--b--",
        b"--b\r\n\r\n--b--",
        b"--x\r\n\r\n\r\n--x--",
        b"--b\r\n" * 2000,
    ),
    b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\na@example.org',
    b'--b\r\nContent-Disposition: form-data; name="email"; filename="x"\r\n\r\na\r\n--b--\r\n',
    b"--b\r\nContent-Disposition: \xff\xff\r\n\r\nx\r\n--b--\r\n",
    b'--b\r\nContent-Disposition: form-data; name="e"\r\nContent-Type: text/plain; charset=nope\r\n\r\nx'
    b"\r\n--b--\r\n",
)
PATHS = (
    *(
        "/v1/%00",
        "/v1/%ff",
        "/v1/%",
        "/v1/%2e%2e/%2e%2e/etc/passwd",
        "/v1/../../etc/passwd",
        "/v1//",
    ),
    *(
        "/v1/lists/%00",
        "/v1/lists/%ff/consent-texts",
        "/v1/lists/" + "a" * 6000,
        "/v1/outbox/x/retry",
    ),
    *(
        "/v1/subscribers/%00",
        "/v1/subscribers?cursor=%00",
        "/v1/subscribers?limit=-1",
        "/v1/held/%0d%0a",
    ),
    *(
        "/v1/subscribers?q=%ff&list=%00",
        "/v1/subscribers?limit=99999999999999999999&cursor=" + "x" * 5000,
    ),
    *(
        "/v1/subscribers/export?since=x",
        "/v1/subscribers/export?format=%00",
        "/v1/audit?cursor=%ff",
    ),
    *(
        "/v1/suppressions/%00?reason=%ff",
        "/v1/keys/%00",
        "/v1/events/%00",
        "/v1/events/../keys",
        "/v1/\u00e9",
    ),
    *(
        "/v1/webhooks/%2f",
        "/v1/subscriptions?" + "a=b&" * 2000,
        "/v1/subscriptions;x=1",
        "/v1?%zz",
        "/v1/#x",
    ),
)
PAGES = (
    *(
        "/%00",
        "/%ff",
        "/subscribe/%00",
        "/subscribe/%ff",
        "/embed/%00.js",
        "/embed/.js",
        "/status/%00",
    ),
    *(
        "/status/" + "a" * 6000,
        "/confirm/%ff.%ff",
        "/confirm/a.b",
        "/unsubscribe/..",
        "/receipt/%00",
    ),
    *(
        "/static/../config.py",
        "/static/%2e%2e/%2e%2e/config.py",
        "/static/%00",
        "/?locale=%00",
        "/docs/%ff",
    ),
    *(
        "/mailbox/%00",
        "/admin/%ff",
        "/admin/sign-in/%00",
        "/admin/sign-in?next=//evil.example",
        "/%2f%2fevil",
    ),
)
HEADERS = (
    *({"Authorization": value} for value in ("", "Bearer", "Bearer ", "Bearer \xff", "Basic %", "x" * 9000)),
    *({"Idempotency-Key": value} for value in ("", '""', "x" * 5000, "\xff", '"\\', '"a";b')),
    *({"Content-Type": value} for value in ("", "/", "a/b;", "application/json; charset=\xff", "text/*;q=x")),
    *({"Accept": value} for value in ("", ";;", "*/*;q=nan", "text/html;q=-1", "\xff", "a" * 5000)),
    *({"Accept-Language": value} for value in ("\xff", "x" * 5000, ";;;", "de;q=x", "*-*")),
    *({"Host": value} for value in ("", "\xff", "evil.example", "a b", "[::1", "localhost:x", "x" * 5000)),
    *({"Origin": value} for value in ("\xff", "x" * 5000, "http://[", "null\x01")),
    *({"Cookie": value} for value in ("\xff", "=", "newsflash-admin=\xff", "a=b; " * 900)),
    *({"X-Forwarded-For": value} for value in ("\xff", "1.2.3", "::::", ",,,")),
    {"Content-Length": "-1"}, {"Content-Length": "x"}, {"Content-Length": "9" * 30},
    {"Transfer-Encoding": "chunked, gzip"}, {"Referer": "\xff"}, {"User-Agent": "\xff" * 3000},
    {"Range": "bytes=9-1"}, {"If-None-Match": "\xff"}, {"If-Modified-Since": "x"}, {"Expect": "nothing"},
)  # fmt: skip
NO_METHODS = ("get", "X" * 300)
"""What HTTP knows as no method: a server may answer 501 (RFC 9110, section 9.1)."""
METHODS = ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", *NO_METHODS)

Raw = tuple[str, str, dict[str, str], bytes]
"""Method, target, headers, body."""


def corpus() -> Iterator[Raw]:
    """Return every request."""
    for target, body in product((API, "/v1/lists", "/v1/webhooks"), BODIES):
        yield "POST", target, {"Content-Type": JSON}, body
    for target, body in product(
        (FORM, "/unsubscribe/undo", "/status/x", "/unsubscribe/x.y"), FORMS
    ):
        yield "POST", target, {"Content-Type": URLENCODED}, body
    for target, body in product((FORM, "/unsubscribe/x.y", "/v1/subscribers/import"), PARTS):
        yield "POST", target, {"Content-Type": MULTIPART}, body
    for method, target in product(("GET", "POST"), (*PATHS, *PAGES)):
        yield method, target, {"Content-Type": JSON}, b"{}" if method == "POST" else b""
    for headers in HEADERS:
        yield "POST", API, {"Content-Type": JSON, **headers}, b'{"email":"a@example.org"}'
        yield "GET", "/", headers, b""
    for method, target in product(METHODS, (API, FORM, "/", "/v1/keys", "/healthz")):
        yield method, target, {}, b""
    for body in (
        b"",
        b"\xff",
        b"a,b\n1",
        b"email\n\x00",
        b'"',
        b"email,list\n" + b"a," * 5000,
        b"{}\n[]\n",
    ):
        for kind in ("text/csv", "application/x-ndjson"):
            yield "POST", "/v1/subscribers/import", {"Content-Type": kind}, body
