"""One spelling for a website's origin."""

import pytest

from service.domain.lists.site import is_one_of, site_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://site.example", "https://site.example"),
        ("HTTPS://Site.Example/", "https://site.example"),
        ("https://site.example:443", "https://site.example"),
        ("http://site.example:80/", "http://site.example"),
        ("http://site.example:443", "http://site.example:443"),
        ("https://site.example:8443", "https://site.example:8443"),
        ("https://Käse.example:443/", "https://xn--kse-qla.example"),
        ("https://xn--KSE-qla.example", "https://xn--kse-qla.example"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://例え.テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://[0:0::1]:443", "https://[::1]"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_spellings_of_one_site(text: str, origin: str):
    assert site_origin(text) == origin
    assert is_one_of(origin, [text])
    assert is_one_of(text, ["https://other.example", origin])


@pytest.mark.parametrize(
    "text",
    ["", "null", "site.example", "//site.example", "ftp://site.example", "https://", "https://:443",
     "https://*.example", "https://site.example/path", "https://site.example?x=1",
     "https://a b.example",
     "https://ada@site.example", "https://site.example:port", "https://site.example:0", "https://[::1",
     "https://site.example;x", "https://site.example,x", "javascript:alert(1)", "https://[::g]",
     "https://a\0b.example", "https://\ud800.example", "https://xn--\u00e4.example",
     "https://" + "\u00e4" * 70],
)  # fmt: skip
def test_what_is_no_site(text: str):
    with pytest.raises(ValueError, match=r".*"):
        site_origin(text)


def test_another_site_is_another():
    sites = ["https://site.example"]
    for origin in (
        "http://site.example",
        "https://site.example:444",
        "https://www.site.example",
        "https://site.example.evil.example",
        "https://site.example.",
        "null",
        "",
    ):
        assert not is_one_of(origin, sites)
