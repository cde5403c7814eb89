"""What the service knows of a mailing list when it shows a form or writes a mail."""

import re
from dataclasses import dataclass
from uuid import UUID

from service.domain.errors import InvalidInputError
from service.domain.lists.site import is_one_of

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListInfo:
    """A mailing list as read: `controller` answers for it, `privacy_url` holds its notice."""

    id: UUID
    slug: str
    name: str
    description: str
    controller: str
    privacy_url: str
    sender: str | None
    """`Name <address>` of its mails; None means the service's own."""
    origins: tuple[str, ...]
    """Sites (`https://host`) whose pages may post and frame its form; empty means any."""
    redirect_url: str | None
    """Where a form post is sent to instead of the status page."""
    locale: str
    is_default: bool

    def takes_from(self, origin: str) -> bool:
        """Tell whether pages of the site with this origin, as a browser sends it, may post."""
        return not self.origins or is_one_of(origin, self.origins)


def is_slug(text: str) -> bool:
    """Tell whether a list can have this slug."""
    return _SLUG.fullmatch(text) is not None


def check_slug(slug: str) -> str:
    """Return the slug, or raise `InvalidInputError`: lower-case letters, digits, inner hyphens."""
    if not is_slug(slug):
        raise InvalidInputError("slug", "Use up to 64 lowercase letters, digits and hyphens.")
    return slug
