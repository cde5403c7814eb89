"""How a signup comes in, once the guard has let it pass: from a program, or from a form."""

from service.domain.signup.risk import NO_RISK, Level, Risk
from service.usecases.signup.extra_step import ExtraStep, Step
from service.usecases.signup.idempotency import Idempotency, IdempotencyKey
from service.usecases.signup.subscribe import SignupRequest, Subscribe


class Intake:
    """Takes signups, each once, and with one step more where a form's looks like a bot's."""

    def __init__(self, subscribe: Subscribe, *, once: Idempotency, steps: ExtraStep) -> None:
        """Take what does the work."""
        self._subscribe = subscribe
        self._once = once
        self._steps = steps

    def by_api(
        self, request: SignupRequest, *, risk: Risk = NO_RISK, once: IdempotencyKey | None
    ) -> str:
        """Take the signup and return its status token; under the same key, the same one again.

        Raises what `Subscribe` and `Idempotency` raise.
        """
        if once is None:
            return self._subscribe(request, risk=risk)
        message_id = self._once(
            once, lambda chosen: self._subscribe(request, risk=risk, message_id=chosen)
        )
        return self._subscribe.status_token(message_id, request)

    def by_form(
        self, request: SignupRequest, *, risk: Risk = NO_RISK, step_token: str, proof: str
    ) -> str | Step:
        """Take the signup and return its status token, or the step that it needs first.

        `step_token` and `proof` are what the page of an earlier step sent. Raises what `Subscribe`
        raises, before a step already.
        """
        if risk.level is Level.MEDIUM:
            self._subscribe.check(request)
            entered = (
                request.email,
                *request.lists,
                request.name or "",
                request.evidence.source or "",
            )
            if not self._steps.is_done(step_token, entered, proof=proof):
                return self._steps.begin(entered, token=step_token)
        return self._subscribe(request, risk=risk)
