from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
import time_machine

from service.domain.delivery.retry import SendOutcome
from service.mail.compose import compose
from service.mail.mailbox import Mailbox, MailboxMail
from service.mail.provider import Provider, TemporaryError
from service.mail.registry import build_provider
from tests.mail.samples import make_input, make_mails, send

AT = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "mailbox"


@pytest.fixture
def provider(folder: Path) -> Provider:
    return build_provider("mailbox:", mailbox_dir=folder)


def test_mailbox_that_nothing_came_to_is_empty(folder: Path) -> None:
    assert list(Mailbox(folder).messages()) == []
    assert Mailbox(folder).get(UUID(int=1)) is None


def test_mails_come_back_as_composed_newest_first(provider: Provider, folder: Path) -> None:
    mails = make_mails(3)
    for number, mail in enumerate(mails):
        with time_machine.travel(AT + timedelta(minutes=number), tick=False):
            assert send(provider, [mail])[0].outcome is SendOutcome.ACCEPTED
    found = Mailbox(folder).messages(2)
    assert [one.message_id for one in found] == [mails[2].message_id, mails[1].message_id]
    newest = found[0]
    assert isinstance(newest, MailboxMail)
    assert newest.received_at == AT + timedelta(minutes=2)
    assert (newest.subject, newest.recipient) == (mails[2].subject, mails[2].recipient)
    assert (newest.text, newest.html) == (mails[2].text, mails[2].html)
    assert ("List-Unsubscribe", mails[2].headers["List-Unsubscribe"]) in newest.headers
    assert Mailbox(folder).get(mails[0].message_id) is not None


def test_retry_adds_nothing(provider: Provider, folder: Path) -> None:
    mails = make_mails(2)
    first = send(provider, mails)
    assert send(provider, mails) == first
    assert len(Mailbox(folder).messages()) == 2
    assert list((folder / "tmp").iterdir()) == []


def test_mail_to_an_international_address_is_kept(provider: Provider, folder: Path) -> None:
    mail = compose(make_input(recipient="jürgen@bücher.example"))
    send(provider, [mail])
    (found,) = Mailbox(folder).messages()
    assert isinstance(found, MailboxMail)
    assert found.recipient == "jürgen@xn--bcher-kva.example"


def test_disk_that_takes_nothing_is_temporary(provider: Provider, folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(TemporaryError, match="disk"):
        send(provider, make_mails(1))
