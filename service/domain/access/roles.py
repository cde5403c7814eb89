"""Who may do what with an API key."""

from enum import StrEnum


class Role(StrEnum):
    """What a key is for. `admin` may do everything that the others may; `metrics` may read
    `/metrics` and nothing else.
    """

    ADMIN = "admin"
    EXPORT = "export"
    SIGNUP = "signup"
    METRICS = "metrics"

    def may_act_as(self, role: "Role") -> bool:
        """Tell whether a key of this role passes where `role` is asked for."""
        return self is Role.ADMIN or self is role
