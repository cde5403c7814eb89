"""Signup: takes a request to subscribe and owes its mail, in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.address import parse_address
from service.domain.consent import Evidence
from service.domain.errors import InvalidInputError
from service.domain.subscription import MAX_LISTS
from service.domain.text import check_json, check_text
from service.store.signups import Signup, record_signups
from service.store.types import new_id
from service.tokens import StatusTokens
from service.usecases.group_commit import GroupCommit
from service.usecases.lists import Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupRequest:
    """What a form or a site asks for. `lists` are slugs; none means the default list."""

    email: str
    evidence: Evidence
    lists: tuple[str, ...] = ()
    name: str | None = None
    attributes: dict[str, Any] | None = field(default=None)


class Subscribe:
    """Signs an address up; the answer says nothing of what was there before."""

    def __init__(
        self,
        engine: Engine,
        *,
        lists: Lists,
        tokens: StatusTokens,
        mail_is_due: Callable[[], None],
    ) -> None:
        """`mail_is_due` wakes whoever delivers; it is called after the commit."""
        self._engine = engine
        self._lists = lists
        self._tokens = tokens
        self._mail_is_due = mail_is_due
        self._commits = GroupCommit(self._record, key=lambda signup: signup.address.key)

    def __call__(self, request: SignupRequest) -> str:
        """Record the signup and return the token of its status page.

        Raises `AddressError`, `UnknownListError`, `InvalidInputError`. When it returns, subscriber,
        subscriptions, consent events and the owed mail are committed.
        """
        address = parse_address(request.email)
        evidence = request.evidence
        check_text("name", request.name)
        check_text("source", evidence.source)
        check_text("locale", evidence.locale)
        check_json("attributes", request.attributes)
        slugs = dict.fromkeys(request.lists)
        if len(slugs) > MAX_LISTS:
            raise InvalidInputError("lists", f"Name at most {MAX_LISTS} lists.")
        chosen = [self._lists.get(slug) for slug in slugs] or [self._lists.default()]
        if evidence.locale is None:
            evidence = replace(evidence, locale=chosen[0].locale)
        message_id = self._commits.submit(
            Signup(
                message_id=new_id(),
                address=address,
                list_ids=tuple(info.id for info in chosen),
                at=utc_now(),
                evidence=evidence,
                name=request.name,
                attributes=request.attributes,
            )
        )
        return self._tokens.issue(message_id)

    def decoy(self) -> str:
        """Return a status token like any other for a signup that was not taken (a bot's)."""
        return self._tokens.issue(new_id())

    def _record(self, signups: Sequence[Signup]) -> list[UUID]:
        with self._engine.begin() as connection:
            record_signups(connection, signups)
        self._mail_is_due()
        return [signup.message_id for signup in signups]
