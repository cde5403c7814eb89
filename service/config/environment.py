"""Where settings are read from: the environment, files that it names, and `.env`."""

import os
from pathlib import Path

from dotenv import dotenv_values
from environs import FileAwareEnv

from service.config.names import SETTINGS, refuse_unknown
from service.config.settings import PREFIX, SettingError
from service.domain.text import is_storable

_FILE = "_FILE"
_BYTE_ORDER_MARK = "\ufeff"


def read_environment() -> FileAwareEnv:
    """Return what reads settings by name, once all that is given has been looked at.

    `.env` of the working directory is added to the environment, for this process and those that
    it starts; a setting that the environment has already stays as it is. Raises `SettingError` for
    a name that is no setting, an empty value, a file that is empty or cannot be read, and a setting
    that is given both by itself and as a file.
    """
    _add_env_file(Path.cwd() / ".env")
    refuse_unknown(os.environ)
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name.removesuffix(_FILE) in SETTINGS:
            _check(name)
    return FileAwareEnv(prefix=PREFIX, strip_whitespace=True)


def is_given(name: str) -> bool:
    """Tell whether a setting is in the environment, by itself or as a file."""
    return f"{PREFIX}{name}" in os.environ or f"{PREFIX}{name}{_FILE}" in os.environ


def _add_env_file(path: Path) -> None:
    try:
        found = dotenv_values(path, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise SettingError(".env", "is not a readable text file", prefix="") from None
    before = set(os.environ)
    for variable, value in found.items():
        itself = variable.removesuffix(_FILE)
        is_ours = variable.upper().startswith(PREFIX) and value is not None
        if is_ours and before.isdisjoint((itself, f"{itself}{_FILE}")):
            _check_text(variable.removeprefix(PREFIX), value or "")
            os.environ[variable] = value or ""


def _check(name: str) -> None:
    value = os.environ[f"{PREFIX}{name}"].strip()
    if not name.endswith(_FILE):  # a path may be any bytes
        _check_text(name, value)
    if not value:
        raise SettingError(name, "is set but empty: give it a value, or remove it")
    if not name.endswith(_FILE):
        if f"{PREFIX}{name}{_FILE}" in os.environ:
            raise SettingError(name, f"is given twice: remove it, or {PREFIX}{name}{_FILE}")
        return
    try:
        content = Path(value).read_text(encoding="utf-8")
    except (ValueError, OSError):
        raise SettingError(name, "is not a readable text file") from None
    if content.startswith(_BYTE_ORDER_MARK):
        raise SettingError(
            name, "names a file that begins with a byte order mark: save it as UTF-8 without BOM"
        )
    if not content.strip():
        raise SettingError(name, "names a file that is empty: write the value into it")
    _check_text(name, content)


def _check_text(name: str, text: str) -> None:
    """Refuse what is not UTF-8 text: Python keeps such bytes as lone surrogates."""
    if not is_storable(text):
        raise SettingError(name, "is not UTF-8 text")
