"""Keys that the embedded default creates once and keeps beside its database."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import URL

from service.config.settings import PREFIX, SettingError

MIN_KEY_BYTES = 32
KEY_FILES = ("secret_key", "address_hash_key", "receipt_key")
"""Names of the files, beside the embedded database."""

MissingKey = Callable[[str, URL], str]
"""Given a setting's name and the embedded database's URL: return the key to use, or raise."""


def refuse_key(name: str, url: URL) -> str:
    """Take no other key for one that is missing: links, suppressions and receipts depend on it."""
    path = key_file(name, url)
    raise SettingError(name, f"{path} is missing: put it back from your backup (docs/backup.md)")


def throwaway_key(_name: str, _url: URL) -> str:
    """Return a key that nobody keeps, for a command that neither signs nor stores anything."""
    return secrets.token_urlsafe(48)


def create_key(name: str, url: URL) -> str:
    """Create a key with mode 0600 and return it; of several processes the first one wins."""
    path = key_file(name, url)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
    return _read(path) or ""


def key_file(name: str, url: URL) -> Path:
    """Return where the key of this setting lies."""
    return Path(url.database or "").parent / name.lower()


def kept_key(name: str, url: URL, missing_key: MissingKey) -> str:
    """Return the kept key, or what `missing_key` says where there is none."""
    path = key_file(name, url)
    try:
        return strong_key(name, _read(path) or _missing(name, url, missing_key))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise SettingError(
            name,
            f"cannot be stored in {path.parent}: {reason}. Let user {os.geteuid()} write to that "
            f"folder, or set {PREFIX}{name}",
        ) from None


def _read(path: Path) -> str | None:
    return path.read_text().strip() if path.exists() else None


def _missing(name: str, url: URL, missing_key: MissingKey) -> str:
    path = key_file(name, url)
    if path.exists():
        raise SettingError(name, f"{path} is empty: put it back from your backup (docs/backup.md)")
    try:
        return missing_key(name, url)
    except SettingError:
        if found := _read(path):  # another process created it meanwhile
            return found
        raise


def strong_key(name: str, key: str) -> str:
    """Return the key, or raise `SettingError` where it is too short to be one."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise SettingError(name, "is not UTF-8 text") from None
    if size < MIN_KEY_BYTES:
        raise SettingError(name, f"needs at least {MIN_KEY_BYTES} bytes")
    return key
