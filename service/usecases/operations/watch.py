"""Says in the web service's log why emails do not go out: a worker that is not there cannot."""

import threading
from collections.abc import Callable, Sequence

import structlog

from service.log import error_fields
from service.usecases.operations.causes import causes
from service.usecases.operations.metrics import Figures

LOOK_EVERY_SECONDS = 60.0

_log = structlog.get_logger(__name__)


class DeliveryWatch:
    """Looks once a minute. One for a machine is enough."""

    def __init__(
        self, figures: Callable[[], Figures], *, public_url: str, providers: Sequence[str]
    ) -> None:
        """Take what is compared with the workers'."""
        self._figures = figures
        self._public_url = public_url
        self._providers = providers
        self._withheld = 0

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.wait(LOOK_EVERY_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, it may pass
                _log.warning("delivery not checked", **error_fields(error))

    def look(self) -> None:
        """Log each cause that keeps emails back now, and signups withheld since the last look."""
        figures = self._figures()
        found = causes(figures, public_url=self._public_url, providers=self._providers)
        for cause in found:
            if cause.is_urgent or (cause.name == "budget" and self._are_more(figures)):
                _log.warning(
                    "emails are not sent",
                    cause=cause.name,
                    text=cause.text,
                    oldest_due_seconds=round(figures.oldest_due_seconds),
                )
        self._withheld = figures.withheld_today

    def _are_more(self, figures: Figures) -> bool:
        return figures.withheld_today > self._withheld
