"""Newsletter tools whose files are known: one module each, with a table of columns and words.

A new one is a module with its table (in `hosted` or `self_hosted`), its name in `TOOLS`, and a file
in `tests/usecases/files/tool_files`. docs/files.md says where each format is from.
"""

from collections.abc import Iterable

from service.domain.files.tools.hosted.activecampaign import ACTIVECAMPAIGN
from service.domain.files.tools.hosted.beehiiv import BEEHIIV
from service.domain.files.tools.hosted.brevo import BREVO
from service.domain.files.tools.hosted.buttondown import BUTTONDOWN
from service.domain.files.tools.hosted.constant_contact import CONSTANT_CONTACT
from service.domain.files.tools.hosted.emailoctopus import EMAILOCTOPUS
from service.domain.files.tools.hosted.kit import KIT
from service.domain.files.tools.hosted.mailchimp import MAILCHIMP
from service.domain.files.tools.hosted.mailerlite import MAILERLITE
from service.domain.files.tools.hosted.substack import SUBSTACK
from service.domain.files.tools.self_hosted.ghost import GHOST
from service.domain.files.tools.self_hosted.keila import KEILA
from service.domain.files.tools.self_hosted.listmonk import LISTMONK
from service.domain.files.tools.self_hosted.mailpoet import MAILPOET
from service.domain.files.tools.self_hosted.mailtrain import MAILTRAIN
from service.domain.files.tools.self_hosted.phplist import PHPLIST
from service.domain.files.tools.tool import Tool

TOOLS = (
    ACTIVECAMPAIGN,
    BEEHIIV,
    BREVO,
    BUTTONDOWN,
    CONSTANT_CONTACT,
    EMAILOCTOPUS,
    GHOST,
    KEILA,
    KIT,
    LISTMONK,
    MAILCHIMP,
    MAILERLITE,
    MAILPOET,
    MAILTRAIN,
    PHPLIST,
    SUBSTACK,
)


def tool_of(titles: Iterable[str]) -> Tool | None:
    """Return whose file has this header (titles in lower case), or None."""
    given = frozenset(titles)
    return next((tool for tool in TOOLS if tool.has_written(given)), None)
