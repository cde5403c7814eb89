"""A mail API that does as it is told: the one seam where tests put a fake."""

import threading
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from service.domain.delivery.retry import SendOutcome
from service.mail.pace import Pace
from service.mail.provider import Mail, PreparedCall, SendResult

Answer = Callable[[Sequence[Mail], str], Sequence[SendResult]]


def take(mails: Sequence[Mail], _key: str) -> list[SendResult]:
    """Accept every mail."""
    return [
        SendResult(
            message_id=mail.message_id,
            outcome=SendOutcome.ACCEPTED,
            provider_message_id=f"at-provider-{mail.message_id}",
        )
        for mail in mails
    ]


class FakeProvider:
    """Notes its calls and answers by the next of its answers, the last of them for ever."""

    def __init__(
        self,
        *answers: Answer,
        name: str = "fake",
        batch_size: int = 100,
        key_life: timedelta = timedelta(0),
        pace: Pace | None = None,
        takes_utf8: bool = True,
        spoilt: Collection[str] = (),
    ) -> None:
        """`spoilt` are addresses whose mails cannot be prepared."""
        self.name = name
        self.batch_size = batch_size
        self.key_life = key_life
        self.pace = pace or Pace()
        self.takes_utf8 = takes_utf8
        self.spoilt = set(spoilt)
        self.calls: list[tuple[str, list[Mail]]] = []
        self._answers = list(answers) or [take]
        self._lock = threading.Lock()

    def reaches(self, address: str) -> bool:
        return self.takes_utf8 or address.isascii()

    def prepare(self, mails: Sequence[Mail], *, key: str) -> PreparedCall:
        if spoilt := self.spoilt & {mail.recipient for mail in mails}:
            raise ValueError(spoilt)
        return partial(self._call, list(mails), key)

    def _call(self, mails: list[Mail], key: str) -> Sequence[SendResult]:
        with self._lock:
            self.calls.append((key, mails))
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer(mails, key)

    def close(self) -> None:
        """Hold nothing open."""

    @property
    def mailed(self) -> list[UUID]:
        """The messages of all calls, in order."""
        return [mail.message_id for _, mails in self.calls for mail in mails]

    @property
    def recipients(self) -> list[str]:
        return [mail.recipient for _, mails in self.calls for mail in mails]


def fails(error: BaseException) -> Answer:
    """Return an answer that raises."""

    def answer(_mails: Sequence[Mail], _key: str) -> Sequence[SendResult]:
        raise error

    return answer
