"""Where outgoing calls may go."""

from ipaddress import ip_address

import pytest

from service.domain.errors import InvalidInputError
from service.domain.webhooks.target import check_url, is_public

PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")
NOT_PUBLIC = (
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # where clouds keep their secrets
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - an address to be refused, not one to listen on
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "fe80::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2001:0:5ef5:79fd::1",
)


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_internet_are_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_all_others_are_not(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "https:///path",
        "example.org",
        "http://example.org/",
        "https://user:password@example.org/",
        "https://user@example.org/",
        "https://example.org/#part",
        "https://example.org:port/",
        "https://example.org:99999/",
        "https://example.org/ a",
        "https://example.org/\x00",
        "https://exämple.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::1/",
        "https://169.254.169.254/latest",
        "https://example.org/" + "a" * 2000,
        "",
    ],
)
def test_a_url_that_cannot_be_called_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_url(url, allow_private=False)
    assert caught.value.field == "url"


@pytest.mark.parametrize(
    "url", ["https://example.org/hook?key=1", "https://example.org:8443", "https://8.8.8.8/"]
)
def test_a_public_url_may_be_called(url: str) -> None:
    assert check_url(url, allow_private=False) == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "http://intranet/hook"])
def test_our_own_network_may_be_called_where_that_is_allowed(url: str) -> None:
    assert check_url(url, allow_private=True) == url
