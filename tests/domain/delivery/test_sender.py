"""Senders: one text, read by one parser wherever it comes from."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.domain.delivery.sender import FORM, Sender, parse_sender
from service.domain.errors import SenderError


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("News Flash <news@example.org>", "News Flash", "news@example.org"),
        ('"News Flash" <news@example.org>', "News Flash", "news@example.org"),
        ('"News, Flash" <news@example.org>', "News, Flash", "news@example.org"),
        ('"Say \\"hi\\", you" <a@example.org>', 'Say "hi", you', "a@example.org"),
        ('"C:\\\\news (daily); @home" <a@example.org>', "C:\\news (daily); @home", "a@example.org"),
        ("Dr. O'Neill & Co. <a@example.org>", "Dr. O'Neill & Co.", "a@example.org"),
        ("Zoë's Nachrichten 新聞 <a@example.org>", "Zoë's Nachrichten 新聞", "a@example.org"),
        ('Daily "News, Flash" Letter <a@example.org>', "Daily News, Flash Letter", "a@example.org"),
        ("  News   Flash<news@example.org>  ", "News Flash", "news@example.org"),
        ("News <a@b\u00fccher.example>", "News", "a@xn--bcher-kva.example"),
        ("News <News+x@Example.ORG>", "News", "News+x@example.org"),
        ("Newsflash <newsletter@localhost>", "Newsflash", "newsletter@localhost"),
        ("news@example.org", "", "news@example.org"),
        ("<news@example.org>", "", "news@example.org"),
        ('"" <news@example.org>', "", "news@example.org"),
    ],
)
def test_a_sender_is_a_name_and_an_address(text: str, name: str, address: str) -> None:
    sender = parse_sender(text)
    assert sender == Sender(name, address)
    assert parse_sender(sender.quoted) == sender


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nobody",
        "News Flash",
        '"News Flash <news@example.org>"',
        "'News Flash <news@example.org>'",
        "Name <n@example.org",
        "Name n@example.org>",
        "Name n@example.org",
        "Name <<n@example.org>>",
        "Name <>",
        "<>",
        "Name <n@>",
        "Name <@example.org>",
        "Name <n@example.org> junk",
        "Name <n@example.org>, Other <o@example.org>",
        "n@example.org, o@example.org",
        "Name <n@example.org><o@example.org>",
        "Name <n@example.org,o@example.org>",
        "News, Flash <n@example.org>",
        "News: Flash <n@example.org>",
        "News; <n@example.org>",
        "Readers: n@example.org;",
        "undisclosed-recipients:;",
        "News (daily) <n@example.org>",
        "News <n@example.org> (daily)",
        "n@example.org (News)",
        "n@example.org <n@example.org>",
        "News <n(x)@example.org>",
        '"News <n@example.org>',
        'News" <n@example.org>',
        "News \\ <n@example.org>",
        "=?utf-8?q?News?= <n@example.org>",
        '"=?utf-8?q?=0d=0aBcc:_x=40y.org?=" <n@example.org>',
        "News <=?utf-8?q?=0a?=@example.org>",
        "News <nöws@example.org>",
        'News <"n n"@example.org>',
        "News <n n@example.org>",
        "News <.n@example.org>",
        "News <n..n@example.org>",
        "News <n@example..org>",
        "News <n@-example.org>",
        "News <n@exam ple.org>",
        "News <n@[127.0.0.1]>",
        "News <n@a@example.org>",
        f"News <{'n' * 65}@example.org>",
        f"News <n@{'a.' * 130}org>",
        f"{'N' * 201} <n@example.org>",
        "News\r\nBcc: x@example.org <n@example.org>",
        "News\n <n@example.org>",
        "News\0 <n@example.org>",
        "News\x85 <n@example.org>",
        "News\u2028 <n@example.org>",
        "News\ud800 <n@example.org>",
        "News <n@example.org\r\n>",
    ],
)
def test_what_is_no_sender_is_refused_and_the_right_form_shown(text: str) -> None:
    with pytest.raises(SenderError) as caught:
        parse_sender(text)
    assert str(caught.value).endswith(FORM)


@given(st.text(alphabet=st.sampled_from('ab "\\<>@,.;:()=?é\r\n'), max_size=30))
@example('"a\\')
def test_any_text_is_one_sender_or_refused(text: str) -> None:
    try:
        sender = parse_sender(text)
    except SenderError:
        return
    assert sender.address.isascii()
    assert sender.address.count("@") == 1
    assert not set("\r\n<>,;:()") & set(sender.address)
    assert not set("\r\n") & set(sender.name)
    assert parse_sender(sender.quoted) == sender
