"""The composition root: every use case, built once, as it is first asked for.

Each is built from settings and one engine, and imported only then, so that a command loads no more
than it uses. Web, command line and worker all take theirs from here.
"""

from functools import cached_property

from service.services.administrators import ForAdministrators
from service.services.operators import ForOperators
from service.services.shared import Shared
from service.services.visitors import ForVisitors


class Services(ForOperators):
    """The use cases of one process: those for visitors, for administrators and for operators."""

    def build_for_web(self) -> None:
        """Build all that views call, so that no request waits for it and no two build the same.

        Raises `service.config.SettingError` where a setting is not usable.
        """
        self._build(Shared, ForVisitors, ForAdministrators)

    def build_for_worker(self) -> None:
        """Build all that a worker runs. Raises as `build_for_web` does."""
        for name in ("deliver", "chores", "heartbeat"):
            getattr(self, name)

    def _build(self, *groups: type[Shared]) -> None:
        for group in groups:
            for name, value in vars(group).items():
                if isinstance(value, cached_property):
                    getattr(self, name)
