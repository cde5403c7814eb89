"""The settings of an identity provider."""

from urllib.parse import urlsplit

from environs import FileAwareEnv

from service.config.settings import OidcSettings, SettingError
from service.config.values import base_url, is_address
from service.domain.network import is_loopback


def oidc_settings(env: FileAwareEnv) -> OidcSettings | None:
    """Read the `OIDC_` settings: those that are needed, or none at all."""
    names = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "ADMINS", "ADMIN_GROUP")
    given = {name: env.str(f"OIDC_{name}", "") for name in (*names, "GROUP_CLAIM", "SCOPES")}
    if not any(given.values()):
        return None
    for name in names[:3]:
        if not given[name]:
            raise SettingError(f"OIDC_{name}", "is required if another OIDC_ setting is given")
    admins = tuple(given["ADMINS"].replace(",", " ").split())
    if not admins and not given["ADMIN_GROUP"]:
        raise SettingError("OIDC_ADMINS", "is required, or OIDC_ADMIN_GROUP: who may sign in")
    if not all(is_address(admin) for admin in admins):
        raise SettingError("OIDC_ADMINS", "needs addresses: ada@example.org, ben@example.org")
    issuer = base_url("OIDC_ISSUER", given["ISSUER"])
    parts = urlsplit(issuer)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingError("OIDC_ISSUER", "needs https, unless it is on this computer")
    scopes = given["SCOPES"].split() or ["openid", "email"]
    if "openid" not in scopes:
        raise SettingError("OIDC_SCOPES", "needs openid among them: openid email groups")
    return OidcSettings(
        issuer=issuer,
        client_id=given["CLIENT_ID"],
        client_secret=given["CLIENT_SECRET"],
        admins=admins,
        admin_group=given["ADMIN_GROUP"] or None,
        group_claim=given["GROUP_CLAIM"] or "groups",
        scopes=" ".join(scopes),
    )
