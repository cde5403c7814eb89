"""Signup: takes a request to subscribe and queues its email, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.counting import SIGNUPS, numbers
from service.counting import Signup as SignupOutcome
from service.domain.address import parse_address
from service.domain.attributes import check_attributes
from service.domain.consent import Evidence
from service.domain.errors import InvalidInputError
from service.domain.signup.risk import NO_RISK, Level, Risk
from service.domain.subscription import MAX_LISTS
from service.domain.text import check_text
from service.store.signup.held import Held, commit_with_held
from service.store.signup.signups import Signup, commit_signups
from service.store.types import new_id
from service.tokens import StatusTokens
from service.usecases.group_commit import GroupCommit
from service.usecases.lists.consent_texts import ConsentTexts
from service.usecases.lists.lists import Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupRequest:
    """What a form or a site asks for. `lists` are slugs; none means the default list."""

    email: str
    evidence: Evidence
    lists: tuple[str, ...] = ()
    name: str | None = None
    attributes: dict[str, Any] | None = field(default=None)


@dataclass(frozen=True, slots=True)
class _Asked:
    signup: Signup
    risk: Risk


class Subscribe:
    """Signs an address up; the answer says nothing of what was there before."""

    def __init__(
        self,
        engine: Engine,
        *,
        lists: Lists,
        texts: ConsentTexts,
        tokens: StatusTokens,
        mail_is_due: Callable[[], None],
    ) -> None:
        """`mail_is_due` wakes the workers; it is called after the commit."""
        self._engine = engine
        self._lists = lists
        self._texts = texts
        self._tokens = tokens
        self._mail_is_due = mail_is_due
        self._commits = GroupCommit(self._record, key=lambda asked: asked.signup.address.key)

    def __call__(
        self, request: SignupRequest, *, risk: Risk = NO_RISK, message_id: UUID | None = None
    ) -> str:
        """Record the signup and return the token of its status page.

        Raises `AddressError`, `UnknownListError`, `InvalidInputError`. When it returns, subscriber,
        subscriptions, consent events and the queued email (with `message_id`, where given) are
        committed; of high risk, the signup is held instead, and looks the same from outside.
        """
        signup = self.check(request, message_id=message_id)
        return self.status_token(self._commits.submit(_Asked(signup, risk)), request)

    def check(self, request: SignupRequest, *, message_id: UUID | None = None) -> Signup:
        """Return the signup that is asked for, or raise what is wrong with it."""
        address = parse_address(request.email)
        evidence = request.evidence
        check_text("name", request.name)
        check_text("source", evidence.source)
        check_text("locale", evidence.locale)
        if request.attributes is not None:
            check_attributes(request.attributes)
        slugs = dict.fromkeys(request.lists)
        if len(slugs) > MAX_LISTS:
            raise InvalidInputError("lists", f"Name at most {MAX_LISTS} lists.")
        chosen = [self._lists.get(slug) for slug in slugs] or [self._lists.default()]
        if evidence.locale is None:
            evidence = replace(evidence, locale=chosen[0].locale)
        return Signup(
            message_id=message_id or new_id(),
            address=address,
            list_ids=tuple(info.id for info in chosen),
            at=utc_now(),
            evidence=evidence,
            name=request.name,
            attributes=request.attributes,
            text_versions=self._texts.versions(
                chosen, locale=evidence.locale, shown=evidence.shown_texts
            ),
        )

    def status_token(self, message_id: UUID, request: SignupRequest) -> str:
        """Return the token of the request's status page; the same one for the same request, so it
        does not name what is the default list just now. Raises `UnknownListError`.
        """
        slugs = set(request.lists)
        list_id = self._lists.get(slugs.pop()).id if len(slugs) == 1 else None
        return self._tokens.issue(message_id, list_id=list_id)

    def _record(self, group: Sequence[_Asked]) -> list[UUID]:
        is_high = [asked.risk.level is Level.HIGH for asked in group]
        held = [
            Held(signup=asked.signup, risk=asked.risk)
            for asked, hold in zip(group, is_high, strict=True)
            if hold
        ]
        taken = [asked.signup for asked, hold in zip(group, is_high, strict=True) if not hold]
        if held:
            # With nothing to take as well: a held signup costs what any other does.
            commit_with_held(self._engine, taken, held)
        else:
            commit_signups(self._engine, taken)
        numbers.add((SIGNUPS, SignupOutcome.TAKEN), len(taken))
        numbers.add((SIGNUPS, SignupOutcome.HELD), len(held))
        self._mail_is_due()
        return [asked.signup.message_id for asked in group]
