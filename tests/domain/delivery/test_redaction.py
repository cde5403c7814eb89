"""What another system writes is made short, printable and free of addresses."""

from uuid import UUID

import pytest

from service.domain.delivery.redaction import MAX_LENGTH, redacted, usable_name
from service.domain.delivery.retry import SendOutcome
from service.mail.provider import RejectedError, SendResult


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("mj-0013", "mj-0013"),
        (406, "406"),
        ("user unknown", "user unknown"),
        ("no mailbox ada@example.org here", "no mailbox [address] here"),
        ("<ada.lovelace+news@example.org>: unknown", "<[address]>: unknown"),
        ("o'brien@example.org, ada@example.org", "[address], [address]"),
        ('550 "ada lovelace"@example.org unknown', "550 [address] unknown"),
        ("ada%40example.org ada\uff20example.org", "[address] [address]"),
        ("ada @ example.org and ada (at) example.org", "[address] and [address]"),
        ("ada&#64;example.org ada&#x40;example.org", "[address] [address]"),
        ("a\u200bd\u00ada@exam\u2060ple.org is full", "[address] is full"),
        ("adá@exämple.org", "[address]"),
        ("ada@\x00example.org", "[address]"),
        ("see https://example.org/confirm/TOKEN", "see [link]"),
        ("see www.example.org/x", "see [link]"),
        ("a\x00b\ud800c", "a bc"),
        ("a\r\nb\tc\x1b[31md", "a b c [31md"),
        ("right\u202eleft", "rightleft"),
        (b"bytes \xff ada@example.org", "bytes \ufffd [address]"),
        ({"to": "ada@example.org"}, "{'to': [address]}"),
        ("", "unreadable"),
        (" \x00\ud800 ", "unreadable"),
        (None, "None"),
    ],
)
def test_a_text_is_made_safe(given: object, kept: str) -> None:
    assert redacted(given) == kept


@pytest.mark.parametrize("length", [5_000, 70_000, 1_000_000])
@pytest.mark.parametrize("text", ["x", "x ", '"', '"@', "@", " ", "\ud800", "(at)", "&#0"])
def test_a_long_text_is_cut(text: str, length: int) -> None:
    kept = redacted(text * (length // len(text)))
    assert 1 <= len(kept) <= MAX_LENGTH
    assert kept.isprintable()


@pytest.mark.parametrize("length", [60, 5_000, 80_000])
def test_an_address_that_would_be_cut_through_is_masked(length: int) -> None:
    assert "adalovelace" not in redacted("adalovelace" + "x" * length + "@example.org")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<202603011159.12345@smtp-relay.mailin.fr>", "<202603011159.12345@smtp-relay.mailin.fr>"),
        (12345678901234567, "12345678901234567"),
        ("x" * 255, "x" * 255),
        ("x" * 256, None),
        ("a b", None),
        ("a\x00", None),
        ("\ud800", None),
        ("é", None),
        ("", None),
        (True, None),
        (["x"], None),
        (None, None),
    ],
)
def test_a_name_is_kept_whole_or_not_at_all(given: object, kept: str | None) -> None:
    assert usable_name(given) == kept


def test_an_adapter_cannot_let_a_text_through() -> None:
    text = "rejected: ada@example.org\x00\ud800" + "x" * 5_000
    receipt = SendResult(
        message_id=UUID(int=1), outcome=SendOutcome.REJECTED, error=text, provider_message_id="\x00"
    )
    for kept in (receipt.error, RejectedError(text).code, str(RejectedError(text))):
        assert kept is not None
        assert kept.startswith("rejected: [address]")
        assert len(kept) <= MAX_LENGTH
    assert receipt.provider_message_id is None
