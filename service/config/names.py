"""The names of all settings. What is set and not listed here stops the start."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from service.config.settings import PREFIX, SettingError

RATELIMITS = ("client", "network", "list", "domain", "overall")
EVENT_PROVIDERS = (
    "brevo",
    "mailgun",
    "mailjet",
    "mailtrap",
    "postmark",
    "resend",
    "scaleway",
    "sendgrid",
    "ses",
)
"""Mail APIs that report bounces and complaints, each with its own `WEBHOOK_SECRET_`."""

SETTINGS = frozenset(
    {
        "ACCESS_LOG",
        "ADDRESS_HASH_KEY",
        "ALLOWED_HOSTS",
        "BIND_HOST",
        "CONFIRM_DAYS",
        "CONSENT_IP",
        "DATABASE_URL",
        "MAIL_FROM",
        "MAIL_URL",
        "OIDC_ADMINS",
        "OIDC_ADMIN_GROUP",
        "OIDC_CLIENT_ID",
        "OIDC_CLIENT_SECRET",
        "OIDC_GROUP_CLAIM",
        "OIDC_ISSUER",
        "OIDC_SCOPES",
        "PUBLIC_URL",
        "RATELIMIT_ENABLED",
        "RECEIPT_KEY",
        "RECEIPT_KEY_FALLBACKS",
        "REDIS_URL",
        "RETENTION_AUDIT_DAYS",
        "RETENTION_ENDED_DAYS",
        "RETENTION_MAIL_DAYS",
        "RETENTION_UNCONFIRMED_DAYS",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "TRUSTED_PROXIES",
        "UNKNOWN_GRACE_SECONDS",
        "WEBHOOK_ALLOW_PRIVATE",
        *(f"RATELIMIT_{name.upper()}" for name in RATELIMITS),
        *(f"WEBHOOK_SECRET_{name.upper()}" for name in EVENT_PROVIDERS),
    }
)
"""Without the prefix. Each may also be given as `<NAME>_FILE`."""

_FILE = "_FILE"
_OWN_TESTS = re.compile(r"(TEST|FAULT|FUZZ)_[A-Z_]+")
# What Kubernetes and Docker put into the environment beside a service that is called newsflash.
_SERVICE_LINK = re.compile(r"(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_SERVICE_PORT = re.compile(r"(\w+_)?PORT")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://.+")
# Docker's links: `<ALIAS>_NAME=/own/alias`, and with it `<ALIAS>_ENV_` for what is set over there.
_LINK_NAME = re.compile(r"(\w+_)?NAME")
_LINKED_NAME = re.compile(r"(/[\w.-]+){2,}")
_LINKED_SETTING = "ENV_"


def refuse_unknown(environment: Mapping[str, str]) -> None:
    """Raise `SettingError` for the first variable with our prefix that is no setting.

    The message names the setting that was probably meant.
    """
    known = SETTINGS | {f"{name}{_FILE}" for name in SETTINGS}
    links = _links(environment)
    for variable in sorted(environment):
        name = variable[len(PREFIX) :]
        if not variable.upper().startswith(PREFIX) or (name in known and variable.isupper()):
            continue
        if not (name.startswith(links) or _is_foreign(name, environment[variable])):
            raise SettingError(name, f"is not a setting{_hint(name, known)}")


def _links(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the variables of Docker's links begin with, behind our prefix."""
    found = []
    for variable, value in environment.items():
        name = variable.removeprefix(PREFIX)
        if name != variable and _LINK_NAME.fullmatch(name) and _LINKED_NAME.fullmatch(value):
            found += [name, f"{name.removesuffix('NAME')}{_LINKED_SETTING}"]
    return tuple(found)


def _is_foreign(name: str, value: str) -> bool:
    """Tell whether others than an operator set this: our own tests, or a container platform."""
    if _OWN_TESTS.fullmatch(name) or _SERVICE_LINK.fullmatch(name):
        return True
    return bool(_SERVICE_PORT.fullmatch(name) and _SERVICE_ADDRESS.fullmatch(value))


def _hint(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name.upper(), sorted(known), n=1)
    if near:
        return f"; did you mean {PREFIX}{near[0]}?"
    return "; .env.example lists them all"
