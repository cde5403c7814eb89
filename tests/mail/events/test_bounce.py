"""A code of the receiving server, and which of two verdicts holds."""

import pytest

from service.domain.delivery.feedback import EventKind
from service.mail.events.bounce import Reply, bounce_kind, read_reply

HARD, SOFT, BLOCKED = EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE, EventKind.BLOCKED


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("5.1.1", HARD),
        ("5.1.2", HARD),
        ("5.1.3", HARD),
        ("5.1.6", HARD),
        ("5.1.10", HARD),
        ("5.1.4", SOFT),
        ("5.1.7", BLOCKED),
        ("5.1.8", BLOCKED),
        ("5.2.1", SOFT),
        ("5.2.2", SOFT),
        ("5.2.3", BLOCKED),
        ("5.3.4", BLOCKED),
        ("5.4.4", SOFT),
        ("5.4.310", SOFT),
        ("5.6.0", BLOCKED),
        ("5.7.0", BLOCKED),
        ("5.7.1", BLOCKED),
        ("5.7.26", BLOCKED),
        ("4.1.1", SOFT),
        ("4.2.2", SOFT),
        ("4.4.7", SOFT),
        ("4.7.1", BLOCKED),
        ("5.0.0", None),
        ("5.1.0", None),
        ("5.5.0", None),
        ("5.9.1", None),
        ("2.1.5", None),
    ],
)
def test_a_status_has_a_meaning(status: str, kind: EventKind | None) -> None:
    assert Reply(status).kind == kind


@pytest.mark.parametrize(
    ("values", "reply"),
    [
        (("5.1.1",), Reply("5.1.1")),
        ((" 5.1.1 ",), Reply("5.1.1")),
        (("550 5.1.1 unknown",), Reply("5.1.1", 550)),
        (("550-5.1.1 unknown\n550 5.1.1 more",), Reply("5.1.1", 550)),
        (("550 #5.1.1 unknown",), Reply("5.1.1", 550)),
        (("550 sorry, no mailbox here by that name. (#5.1.1)",), Reply("5.1.1", 550)),
        (("smtp; 550 5.1.1 unknown",), Reply("5.1.1", 550)),
        (("smtp;5.1.1 unknown",), Reply("5.1.1")),
        (("bounced (550 5.1.1 unknown)",), Reply("5.1.1")),
        (("5.0.0", "550 5.1.1 unknown"), Reply("5.1.1", 550)),
        (("5.2.2", "550 5.1.1 unknown"), Reply("5.2.2", 550)),
        ((None, ["", "550 5.2.2 full"]), Reply("5.2.2", 550)),
        (("552 full",), Reply(None, 552)),
        ((552,), Reply(None, 552)),
        (("450 5.1.1 odd",), Reply(None, 450)),
        (("550 from 5.1.1.2 refused",), Reply(None, 550)),
        (("550 5.1.1.2 refused",), Reply(None, 550)),
        (("Exim 5.1.1 says no",), Reply()),
        (("1550 5.1.1",), Reply()),
        (("", None, True, 1.5, {}, [], "no code"), Reply()),
        (("x" * 5_000 + " 550 5.1.1",), Reply()),
    ],
)
def test_codes_are_found_in_what_a_server_said(values: tuple[object, ...], reply: Reply) -> None:
    assert read_reply(*values) == reply


@pytest.mark.parametrize(
    ("word", "reply", "kind"),
    [
        (HARD, Reply(), HARD),
        (HARD, Reply("5.1.1"), HARD),
        (HARD, Reply("5.0.0"), HARD),
        (HARD, Reply("5.2.2"), SOFT),
        (HARD, Reply("5.7.1"), BLOCKED),
        (HARD, Reply(None, 552), SOFT),
        (HARD, Reply(None, 550), HARD),
        (None, Reply("5.1.1"), HARD),
        (None, Reply(None, 550), SOFT),
        (None, Reply(), SOFT),
        (SOFT, Reply("5.1.1"), SOFT),
        (SOFT, Reply("5.7.1"), BLOCKED),
        (BLOCKED, Reply("5.1.1"), BLOCKED),
    ],
)
def test_the_milder_of_two_verdicts_holds(
    word: EventKind | None, reply: Reply, kind: EventKind
) -> None:
    assert bounce_kind(word, reply) is kind
