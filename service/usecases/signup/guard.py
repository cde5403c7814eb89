"""The guard before a signup: request limits, and how likely it is a bot's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.clock import utc_now
from service.config import Settings, Window
from service.domain.errors import LinkForgedError
from service.domain.signup.limits import (
    Counted,
    Limit,
    Limits,
    TooManyRequestsError,
    domain_of,
    origin_of,
    quotas_of,
    quotas_of_act,
)
from service.domain.signup.risk import (
    NO_RISK,
    TRAPPED,
    FormToken,
    Risk,
    Signals,
    age_verdict,
    assess,
)
from service.store.signup.counters import Counters
from service.tokens import FormTokens
from service.usecases.lists.lists import Lists

BROWSER = "Mozilla/"
"""How the name of every browser begins, for reasons of history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a request for a signup shows of itself, before anything is looked up."""

    ip: str | None
    user_agent: str = ""
    has_key: bool = False
    """It proved itself by an API key that may sign up: no limit of the client's, no score."""
    is_form: bool = False
    form_token: str = ""
    is_trapped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A request that may go on: the counters that it was counted on, and its risk."""

    counted: Sequence[Counted] = ()
    risk: Risk = NO_RISK


class Guard:
    """Counts and judges requests. It looks at nothing that tells who is on a list."""

    def __init__(
        self,
        counters: Counters,
        *,
        limits: Limits,
        lists: Lists,
        tokens: FormTokens,
        is_disposable: Callable[[str], bool],
        is_enabled: bool,
    ) -> None:
        """`is_disposable` knows domains of throw-away addresses. Where it is not enabled, only the
        trap counts.
        """
        self._counters = counters
        self._limits = limits
        self._lists = lists
        self._tokens = tokens
        self._is_disposable = is_disposable
        self._is_enabled = is_enabled

    def form_token(self) -> str:
        """Return the signed time that a form carries."""
        return self._tokens.issue(at=utc_now())

    def admit(self, caller: Caller, *, email: str, lists: Sequence[str]) -> Admission:
        """Count a request and return its risk.

        Raises `TooManyRequestsError`, whose `counted` says which limit was reached.
        """
        if not self._is_enabled:
            return Admission(risk=TRAPPED if caller.is_trapped else NO_RISK)
        domain = domain_of(email)
        quotas = quotas_of(
            self._limits,
            origin=None if caller.has_key else origin_of(caller.ip),
            lists=self._known(lists),
            domain=domain,
        )
        counted = self._counters.count(tuple(quotas))
        if counted and counted[-1].is_exceeded:
            raise TooManyRequestsError(counted)
        risk = NO_RISK
        if caller.is_trapped:
            risk = TRAPPED
        elif not caller.has_key:
            risk = assess(self._signals(caller, counted, domain=domain))
        return Admission(counted=counted, risk=risk)

    def count(self, act: str, *, ip: str | None) -> Sequence[Counted]:
        """Count a request for something else than a signup on the client's own counters of it.

        `act` names what is asked for, as `renew`. Raises `TooManyRequestsError`.
        """
        if not self._is_enabled:
            return ()
        client = origin_of(ip).client
        counted = self._counters.count(tuple(quotas_of_act(self._limits, act=act, client=client)))
        if counted and counted[-1].is_exceeded:
            raise TooManyRequestsError(counted)
        return counted

    def _known(self, slugs: Sequence[str]) -> list[str]:
        """Return the lists that there are: made-up names get no counter."""
        known = {info.slug: info.is_default for info in self._lists.all()}
        if not slugs:
            return [slug for slug, is_default in known.items() if is_default]
        return [slug for slug in dict.fromkeys(slugs) if slug in known]

    def _signals(self, caller: Caller, counted: Sequence[Counted], *, domain: str) -> Signals:
        agent = caller.user_agent
        return Signals(
            client_share=_shortest_share(counted, "client"),
            network_share=_shortest_share(counted, "network"),
            is_disposable=self._is_disposable(domain),
            form_token=self._form_verdict(caller),
            is_browser=agent.startswith(BROWSER) if caller.is_form else bool(agent),
        )

    def _form_verdict(self, caller: Caller) -> FormToken:
        if not caller.is_form:
            return FormToken.NOT_ASKED
        if not caller.form_token:
            return FormToken.MISSING
        try:
            made_at = self._tokens.read(caller.form_token)
        except LinkForgedError:
            return FormToken.FORGED
        return age_verdict(made_at, utc_now())


def _shortest_share(counted: Sequence[Counted], policy: str) -> float:
    """Return how full the shortest window of a policy is."""
    found = [each for each in counted if each.quota.policy.startswith(f"{policy}-")]
    return min(found, key=lambda each: each.quota.limit.seconds).share if found else 0.0


def limits_of(settings: Settings) -> Limits:
    """Return the limits that the settings give."""

    def limits(windows: tuple[Window, ...]) -> tuple[Limit, ...]:
        return tuple(Limit(amount, seconds) for amount, seconds in windows)

    return Limits(
        client=limits(settings.ratelimit_client),
        network=limits(settings.ratelimit_network),
        mailing_list=limits(settings.ratelimit_list),
        domain=limits(settings.ratelimit_domain),
        overall=limits(settings.ratelimit_overall),
    )
