"""Confirming: by the link in the mail, or by the code in it typed where the signup was made."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from unicodedata import decimal

from sqlalchemy import Engine

from service.clock import utc_now
from service.domain.consent import Evidence
from service.domain.errors import LinkForgedError, TooManyTriesError, WrongCodeError
from service.domain.subscription import CODE_LIFE_MAX, CODE_TRIES, LinkScope, Status
from service.domain.webhooks.event import EventType
from service.store.database import reading
from service.store.delivery import outbox
from service.store.links import acts as store
from service.store.links import codes
from service.store.links.acts import Act
from service.store.links.looks import states_of
from service.store.types import new_id
from service.store.webhooks import receivers
from service.tokens import Tokens
from service.usecases.group_commit import GroupCommit
from service.usecases.links.views import LinkState, LinkView, MailProgress, StatusView
from service.usecases.lists.consent_texts import ConsentTexts
from service.usecases.lists.lists import Lists
from service.usecases.removal import remove_old

MAX_CODE_LENGTH = 32
"""More than anyone types for six digits, spaces and hyphens included."""


class Confirm:
    """The confirm link and its code. Looking changes nothing; acting is idempotent."""

    def __init__(
        self,
        engine: Engine,
        *,
        lists: Lists,
        texts: ConsentTexts,
        tokens: Tokens,
        address_hash_key: bytes,
        confirm_days: int,
        mail_is_due: Callable[[], None],
    ) -> None:
        """`confirm_days` is the life of a link; `mail_is_due` is called after a commit."""
        self._engine = engine
        self._lists = lists
        self._texts = texts
        self._tokens = tokens
        self._hash_key = address_hash_key
        self._max_age = timedelta(days=confirm_days)
        self._code_life = min(self._max_age, CODE_LIFE_MAX)
        self._mail_is_due = mail_is_due
        self._commits = GroupCommit(self._confirm_all, key=lambda act: act.scope.subscriber_id)

    def show(self, token: str) -> LinkView:
        """Return what the link would do. Raises `LinkForgedError`, `LinkExpiredError`."""
        scope = self._read(token)
        return self._view(scope, _state(scope, states_of(self._engine, scope)))

    def act(self, token: str, evidence: Evidence) -> LinkView:
        """Confirm what the link speaks of. Raises `LinkForgedError`, `LinkExpiredError`."""
        scope = self._read(token)
        state = self._commits.submit(
            Act(
                scope=scope,
                at=utc_now(),
                evidence=evidence,
                text_versions=self._texts.known(evidence.shown_texts),
            )
        )
        return self._view(scope, state)

    def renew(self, token: str, evidence: Evidence) -> str:
        """Mail a new link for one that expired, within the address's budget of mails; return a
        status token, whether an email is queued or not. Raises `LinkForgedError`.
        """
        scope = self._tokens.confirm.read(token, now=utc_now())
        message_id = new_id()
        with self._engine.begin() as connection:
            outbox.insert_renewal(
                connection,
                message_id=message_id,
                scope=scope,
                locale=evidence.locale,
                at=utc_now(),
            )
        self._mail_is_due()
        return self._tokens.status.issue(message_id)

    def by_code(self, status_token: str, code: str, evidence: Evidence) -> StatusView:
        """Confirm with the code from any live mail to the status page's address, whether the page's
        own signup was taken or held: it does not tell. On a page older than a code every code is
        wrong.

        Raises `WrongCodeError`; `TooManyTriesError` once the wrong codes for this address are
        used up; `LinkForgedError`.
        """
        message_id = self._tokens.status.read(status_token)
        now = utc_now()
        # Whatever keyboard the person has: `decimal` reads digits of every script.
        typed = "".join(str(decimal(char)) for char in code[:MAX_CODE_LENGTH] if char.isdecimal())
        with self._engine.begin() as connection:
            candidates = codes.lock_code_candidates(
                connection, message_id=message_id, since=now - self._code_life, at=now
            )
            if candidates.tries >= CODE_TRIES:
                raise TooManyTriesError
            fitting = [
                sent
                for sent in candidates.messages
                if self._tokens.confirm.is_code(typed, sent.scope, at=sent.created_at)
            ]
            if not fitting:
                codes.count_code_try(connection, message_id=message_id, at=now)
            else:
                act = Act(scope=fitting[0].scope, at=now, evidence=evidence)
                changed = store.confirm(connection, [act], hash_key=self._hash_key)
                receivers.enqueue(
                    connection, EventType.CONFIRMED, receivers.changes([act], changed)
                )
                found = store.states(connection, [act.scope])
        if not fitting or _state(act.scope, found) is not LinkState.DONE:
            raise WrongCodeError
        return StatusView(progress=MailProgress.SENT, requested_at=now, is_confirmed=True)

    def _view(self, scope: LinkScope, state: LinkState) -> LinkView:
        is_done = state is LinkState.DONE
        return LinkView(
            state=state,
            lists=self._lists.by_ids(scope.list_ids),
            receipt_token=self._tokens.receipt.issue(scope, at=utc_now()) if is_done else None,
        )

    def _read(self, token: str) -> LinkScope:
        scope = self._tokens.confirm.read(token, max_age=self._max_age, now=utc_now())
        if not scope.refs:
            raise LinkForgedError
        return scope

    def _confirm_all(self, acts: Sequence[Act]) -> list[LinkState]:
        if receivers.is_wanted(self._engine, EventType.CONFIRMED):
            with self._engine.begin() as connection:
                changed = store.confirm(connection, acts, hash_key=self._hash_key)
                receivers.enqueue(connection, EventType.CONFIRMED, receivers.changes(acts, changed))
        else:
            changed = store.commit_confirmed(self._engine, acts, hash_key=self._hash_key)
        settled = [
            act
            for act in acts
            if any((act.scope.subscriber_id, id_) not in changed for id_ in act.scope.list_ids)
        ]
        found = {}
        if settled:
            with reading(self._engine) as connection:
                found = store.states(connection, [act.scope for act in settled])
        unsettled = {id(act) for act in settled}
        return [
            _state(act.scope, found) if id(act) in unsettled else LinkState.DONE for act in acts
        ]


def forget_code_tries(engine: Engine, *, confirm_days: int) -> int:
    """Forget the wrong codes typed for mails whose links have expired; return of how many pages."""
    return remove_old(engine, codes.CODE_TRIES, before=utc_now() - timedelta(days=confirm_days))


def _state(scope: LinkScope, found: dict[store.Pair, store.State]) -> LinkState:
    """Tell what the link as a whole would do: open while any of its subscriptions is pending."""
    current = [
        state
        for ref in scope.refs
        if (state := found.get((scope.subscriber_id, ref.mailing_list_id))) is not None
        and state.epoch == ref.epoch
    ]
    if any(state.status is Status.PENDING for state in current):
        return LinkState.OPEN
    if any(state.status is Status.CONFIRMED for state in current):
        return LinkState.DONE
    return LinkState.ENDED
