from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from html.parser import HTMLParser
from typing import Any

import pytest

from service.domain.delivery.sender import parse_sender
from service.domain.subscription import MessageKind
from service.mail.compose import compose
from service.mail.mime import to_message, unparsed
from tests.mail.samples import NAMES, make_input, make_list

ALREADY = {"kind": MessageKind.ALREADY_SUBSCRIBED, "confirm_url": None, "code": None}


class Page(HTMLParser):
    """The links, sources, language and text of a page; fails on tags that do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.words = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes[tag] = dict(attrs)
        if tag == "a":
            self.links.append(dict(attrs)["href"])
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_confirmation_says_what_is_needed_in_both_forms() -> None:
    message = make_input(4)
    mail = compose(message)
    page = Page(mail.html)
    assert mail.subject == "Please confirm: News Flash"
    for body in (mail.text, page.words):
        for part in ("News Flash", message.confirm_url, "012345", "7 days", "Höfer & Co"):
            assert str(part) in body
        assert "If this wasn't you, ignore this email. You won't be subscribed." in body
    assert "https://example.org/privacy?a=1&b=2" in mail.text
    assert message.unsubscribe_url in mail.text
    assert set(page.links) == {
        message.confirm_url,
        message.unsubscribe_url,
        "https://example.org/privacy?a=1&b=2",
    }
    assert mail.recipient not in mail.text + mail.html + mail.subject


def test_already_subscribed_offers_nothing_to_confirm() -> None:
    mail = compose(make_input(4, **ALREADY))
    assert mail.subject == "About your subscription: News Flash"
    assert "/confirm/" not in mail.text + mail.html
    assert "You are already subscribed. Nothing has changed" in mail.text
    assert "None" not in mail.text + mail.html


@pytest.mark.parametrize("kind", [{}, ALREADY])
def test_html_loads_nothing_and_names_its_language(kind: dict[str, Any]) -> None:
    mail = compose(make_input(**kind))
    page = Page(mail.html)
    assert not {"img", "script", "link", "iframe", "form"} & set(page.tags)
    assert "url(" not in mail.html
    assert page.attributes["html"] == {"lang": "en", "dir": "ltr"}
    assert "prefers-color-scheme: dark" in mail.html
    assert len((mail.text + mail.html).encode()) < 6000


def test_same_input_gives_the_same_bytes() -> None:
    first, second = (to_message(compose(make_input(2))).as_bytes() for _ in range(2))
    assert first == second
    assert b"Date: Sun, 01 Mar 2026 12:30:00 +0000" in first


def test_list_headers_follow_their_standards() -> None:
    mail = compose(make_input(4))
    assert mail.headers == {
        "List-Id": "News Flash <news-flash.news.example.com>",
        "List-Unsubscribe": f"<{make_input(4).unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
    }


@pytest.mark.parametrize("name", [*NAMES, "x" * 200, "é" * 200])
def test_every_name_survives_as_a_message(name: str) -> None:
    mail = compose(make_input(lists=(make_list(name),)))
    assert all(value.isascii() for value in mail.headers.values())
    raw = to_message(mail).as_bytes()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    message = message_from_bytes(raw, policy=default)
    assert message["Subject"] == f"Please confirm: {name}"
    assert message["List-Unsubscribe"] == mail.headers["List-Unsubscribe"]
    assert b"\r\nList-Unsubscribe: <https://" in raw
    assert message["From"].addresses[0].display_name == "Zoë, of “News”"


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\x00"])
def test_no_name_can_begin_a_header_of_its_own(line_end: str) -> None:
    evil = f"News{line_end}Bcc: victim@example.org"
    lists = (make_list(evil, sender=f"{evil} <news@example.com>", controller=evil),)
    mail = compose(make_input(lists=lists))
    message = message_from_bytes(to_message(mail).as_bytes(), policy=default)
    assert message["Bcc"] is None
    for value in (mail.subject, mail.sender.quoted, *mail.headers.values()):
        assert line_end not in value


ENCODED = (
    "=?utf-8?q?=0d=0aBcc:_x=40y.org?=",
    "News =?utf-8?b?DQpCY2M6IHhAeS5vcmc=?= Flash",
    "=?utf-8?q?=0a?= =?utf-8?q?=0a?=",
    "=?utf-8?q?never closed",
    "=?us-ascii?q?=00?=",
    "=?no-such-charset?q?x?=",
)
"""What a program that reads it as header syntax takes for something else."""


@pytest.mark.parametrize("name", [*ENCODED, "新" * 200, "\U0001f4f0" * 200, "a" * 2000])
def test_a_name_that_looks_like_header_syntax_is_a_name(name: str) -> None:
    mail = compose(make_input(lists=(make_list(name, controller=name),)))
    raw = to_message(mail).as_bytes()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    head = raw.partition(b"\r\n\r\n")[0]
    fields = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] != b" "]
    assert sorted(fields) == sorted(set(fields))
    assert b"Bcc" not in fields
    # Decoded once, as a mail program does, it is the name; no part of it is decoded a second time.
    message = message_from_bytes(raw)
    for field, before, after in (
        ("Subject", "Please confirm: ", ""),
        ("List-Id", "", " <news-flash.news.example.com>"),
    ):
        shown = str(make_header(decode_header(str(message[field]))))
        assert shown.replace("\r\n", "") == f"{before}{name}{after}"


@pytest.mark.parametrize("name", ENCODED)
def test_a_subject_for_an_api_holds_no_encoded_word(name: str) -> None:
    assert "=?" not in unparsed(name)
    assert unparsed(name).replace("\u2060", "") == name


def test_a_control_character_in_a_header_is_refused_not_written() -> None:
    mail = replace(compose(make_input()), headers={"List-Id": "x\r\nBcc: victim@example.org"})
    with pytest.raises(ValueError, match="control"):
        to_message(mail)


def test_markup_in_a_name_is_shown_not_run() -> None:
    lists = (make_list("<b>x</b>", controller="<script>", privacy_url='https://e.org/"><b>'),)
    mail = compose(make_input(lists=lists))
    assert {"script", "b"}.isdisjoint(Page(mail.html).tags)
    assert "* <b>x</b>" in mail.text


def test_several_lists_share_one_mail() -> None:
    lists = (make_list("A"), make_list("B", slug="b"), make_list("C", slug="c", controller="Other"))
    mail = compose(make_input(lists=lists))
    assert mail.subject == "Please confirm: A and 2 more"
    assert mail.text.count("Sent by") == 2
    assert all(f"* {name}" in mail.text for name in "ABC")


def test_sender_is_the_lists_own_only_where_all_agree() -> None:
    own = "Own <own@example.com>"
    default_sender = parse_sender(make_input().sender)
    both = (make_list(sender=own), make_list(slug="b", sender=own))
    mixed = (make_list(sender=own), make_list(slug="b"))
    assert compose(make_input(lists=both)).sender == parse_sender(own)
    assert compose(make_input(lists=mixed)).sender == default_sender


@pytest.mark.parametrize("stored", ["News <n@example.org", '"News <n@example.org>"', "nobody"])
def test_a_sender_from_before_they_were_checked_gives_way_to_the_services_own(stored: str) -> None:
    message = make_input(lists=(make_list(sender=stored, controller=""),))
    assert compose(message).sender == parse_sender(message.sender)
    assert "Zoë, of “News”" in compose(message).text


@pytest.mark.parametrize("locale", ["de", "pt-BR", "zz", "../../etc", "", "en_US.UTF-8"])
def test_language_without_a_catalogue_is_english(locale: str) -> None:
    mail = compose(make_input(locale=locale))
    assert 'lang="en"' in mail.html
    assert mail.text.startswith("Hello,")
