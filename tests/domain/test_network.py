"""Which hosts mean this computer, whichever it is."""

import pytest

from service.domain.network import is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost",
        "localhost.",
        "news.localhost",
        "127.0.0.1",
        "127.0.0.0",
        "127.255.255.255",
        "127.0.0.1.",
        "::1",
        "0:0:0:0:0:0:0:1",
        "::1%lo",
        "::ffff:127.0.0.1",
        "::FFFF:7f01:0203",
    ],
)
def test_this_computer(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        ".",
        "localhost.example.org",
        "notlocalhost",
        "localhost:8000",
        "127.0.0.1:8000",
        "[::1]",
        "126.255.255.255",
        "128.0.0.0",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0.0.0.0",  # noqa: S104 - every address of this computer, which others reach too
        "::",
        "::2",
        "::127.0.0.1",
        "::ffff:128.0.0.1",
        "10.0.0.1",
        "127.0.0.1 ",
        "127.0.0.1\n",
        "١٢٧.0.0.1",
    ],
)
def test_another_or_none(host: str | None):
    assert not is_loopback(host)
