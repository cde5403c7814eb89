"""Exports in the columns that other newsletter tools import as they are.

A tool takes an address as it is written, so it has no apostrophe before it; names keep theirs.
Names are one text here and two there: the first word, and the rest.
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


TOOL_COLUMNS = ("first_name", "last_name", "keila_status")
"""Columns that only presets have."""

GUARDED_FOR_TOOLS = frozenset({"name", "first_name", "last_name"})

PRESET_COLUMNS: Mapping[Preset, Mapping[str, str]] = MappingProxyType(
    {
        # listmonk, internal/subimporter: email, name, attributes, found by these names.
        Preset.LISTMONK: {"email": "email", "name": "name", "attributes": "attributes"},
        # Mailchimp matches the names of its default audience fields by itself.
        Preset.MAILCHIMP: {
            "Email Address": "email",
            "First Name": "first_name",
            "Last Name": "last_name",
        },
        # Buttondown matches the names of its subscribers' fields by itself.
        Preset.BUTTONDOWN: {"email": "email", "name": "name", "metadata": "attributes"},
        # Keila imports what it exports.
        Preset.KEILA: {
            "Email": "email",
            "First name": "first_name",
            "Last name": "last_name",
            "Data": "attributes",
            "Status": "keila_status",
        },
    }
)
"""For each tool its titles, in order, and the column of ours below each."""
