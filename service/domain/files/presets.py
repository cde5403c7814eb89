"""Exports in the columns that other newsletter tools import as they are.

A tool takes an address as it is written, so it has no apostrophe before it; names keep theirs.
Names are one text here and two there: the first word, and the rest. docs/files.md says which tool
was tried, and what is known of the others.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Preset(StrEnum):
    """A tool that the file is for."""

    LISTMONK = "listmonk"
    MAILCHIMP = "mailchimp"
    BUTTONDOWN = "buttondown"
    KEILA = "keila"


GUARDED_FOR_TOOLS = frozenset(
    {"name", "first_name", "last_name", "keila_first_name", "keila_last_name"}
)

KEILA_NAME_LENGTH = 49
"""Keila refuses the whole file for one name of more than 50 characters; one is for the guard."""

MAX_LENGTHS = MappingProxyType(
    {"keila_first_name": KEILA_NAME_LENGTH + 1, "keila_last_name": KEILA_NAME_LENGTH + 1}
)
"""How long a cell may be with its guards."""

KEILA_DATA_BYTES = 2_000
"""And for data that takes more than 8,000 bytes as `jsonb`, which is up to four times its text."""

PRESET_COLUMNS: Mapping[Preset, Mapping[str, str]] = MappingProxyType(
    {
        # Found by these very names; any other column is passed over.
        Preset.LISTMONK: {"email": "email", "name": "name", "attributes": "attributes"},
        # Mailchimp matches the names of its default audience fields by itself.
        Preset.MAILCHIMP: {
            "Email Address": "email",
            "First Name": "first_name",
            "Last Name": "last_name",
        },
        # Buttondown matches these by itself. It takes no JSON: each attribute would have to be a
        # column of its own, and the attributes of a list have no names in common.
        Preset.BUTTONDOWN: {"email": "email", "name": "name"},
        # Cells are taken by their place among the columns that Keila knows, so there is no other.
        Preset.KEILA: {
            "Email": "email",
            "First name": "keila_first_name",
            "Last name": "keila_last_name",
            "Data": "keila_data",
            "Status": "keila_status",
        },
    }
)
"""For each tool its titles, in order, and the column of ours below each."""
