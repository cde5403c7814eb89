"""Settings: read once from the environment (prefix `NEWSFLASH_`), checked, then frozen.

Each may also come as `NEWSFLASH_<NAME>_FILE`, the path of a file that holds the value, and from a
`.env` file in the working directory (the environment wins).
"""

from service.config.environment import is_given
from service.config.keys import KEY_FILES, MissingKey, create_key, refuse_key, throwaway_key
from service.config.loading import keep_served_address, load_settings
from service.config.settings import PREFIX, OidcSettings, SettingError, Settings, Window
from service.config.values import mails_the_world

__all__ = [
    "KEY_FILES",
    "PREFIX",
    "MissingKey",
    "OidcSettings",
    "SettingError",
    "Settings",
    "Window",
    "create_key",
    "is_given",
    "keep_served_address",
    "load_settings",
    "mails_the_world",
    "refuse_key",
    "throwaway_key",
]
