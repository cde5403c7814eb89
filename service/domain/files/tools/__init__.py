"""Newsletter tools whose files are known: one module each, with a table of columns and words.

A new one is a module with its table, its name in `TOOLS`, and a file in
`tests/store/tool_files`. docs/files.md says where each format is from.
"""

from collections.abc import Sequence

from service.domain.files.tools.buttondown import BUTTONDOWN
from service.domain.files.tools.keila import KEILA
from service.domain.files.tools.listmonk import LISTMONK
from service.domain.files.tools.mailchimp import MAILCHIMP
from service.domain.files.tools.tool import Tool

TOOLS = (LISTMONK, MAILCHIMP, KEILA, BUTTONDOWN)


def tool_of(titles: Sequence[str]) -> Tool | None:
    """Return whose file has this header (titles in lower case), or None."""
    given = frozenset(titles)
    return next((tool for tool in TOOLS if any(signs <= given for signs in tool.signs)), None)
