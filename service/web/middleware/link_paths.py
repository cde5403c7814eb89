"""Paths as people, mail programs and other tools mangle them, put right before they are routed.

A link arrives with the full stop of its sentence, a bracket, `&utm_source=…`, a line break in its
middle or two slashes before its token. What cannot be part of a token is left out. Nothing is
guessed, and the signature decides as ever. No answer is a redirect, because a one-click POST
(RFC 8058) follows none.
"""

import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote

TOKEN = "<token>"  # noqa: S105 - the name of a route's part
SLUG = "<slug>"
SIGNATURE_LENGTH = 43
"""How many characters of base64 an HMAC-SHA-256 has (`service/tokens.py`)."""
MAX_LENGTH = 4096
"""Many times the length of our longest link. What is longer is no link that somebody mangled."""
_TOKEN = re.compile(
    # A dash or underscore behind it is markup; with a letter or digit it is another token.
    rf"[^A-Za-z0-9_-]*(?:3D)?([A-Za-z0-9_-]+\.[A-Za-z0-9_-]{{{SIGNATURE_LENGTH}}})(?![A-Za-z0-9])"
)
_SLUG = re.compile(r"[^a-z0-9/]*((?>[a-z0-9](?:[a-z0-9-]*[a-z0-9])?))(\.js)?(?!/?[a-z0-9])")
_END = re.compile(r"/([a-z0-9][a-z0-9-]*)(?:/([a-z0-9]?))?")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_WRAP = re.compile(r"=?[\r\n]+[ \t>]*")
"""A line break in a token, with the `=` of quoted-printable (RFC 2045, section 6.7)."""
_SPACE = re.compile(r"=?\s+")


class LinkPaths:
    """Knows which routes are links with a token, and the pages of lists that people pass on."""

    def __init__(self, rules: Iterable[str]) -> None:
        """Take the app's routes, such as `/confirm/<token>/renew`."""
        self._tokens: dict[str, set[str]] = {}
        self._slugs: dict[str, str] = {}
        for rule in rules:
            before, _, after = rule.partition(TOKEN)
            if before != rule:
                self._tokens.setdefault(before, set()).add(after)
            before, _, after = rule.partition(SLUG)
            if before != rule and not before.startswith(("/v1/", "/admin/")):
                self._slugs[before] = after

    def __call__(self, path: str) -> str:
        """Return the path to route in place of this one; one that needs no help is as it was."""
        if "//" in path:
            path = re.sub("/{2,}", "/", path)
        if len(path) > MAX_LENGTH:
            return path
        lower = path.lower()
        for before, ends in self._tokens.items():
            if lower.startswith(before):
                return self._link(path, before, ends)
        for before, after in self._slugs.items():
            if lower.startswith(before):
                found = _SLUG.match(_UNSEEN.sub("", path[len(before) :]).lower())
                if found and (found[2] or "") == after:
                    return f"{before}{found[1]}{after}"
        return path

    @staticmethod
    def _link(path: str, before: str, ends: Collection[str]) -> str:
        found = _token_of(path[len(before) :])
        if found is None:
            return path
        token, rest = found
        named = _END.match(rest.lower())
        if named is None:
            return f"{before}{token}"
        # Another act than the link's own: never the one in place of the other.
        is_known = f"/{named[1]}" in ends and not named[2]
        return f"{before}{token}/{named[1]}" if is_known else path


def _token_of(text: str) -> tuple[str, str] | None:
    """Return the token that the text holds and what follows it, or None.

    What breaks a token up is taken out step by step, least first: so a word that follows behind a
    blank is not taken for more of it.
    """
    for candidate in _candidates(text):
        if found := _TOKEN.match(candidate):
            return found[1], candidate[found.end() :]
    return None


def _candidates(text: str) -> Iterable[str]:
    yield text
    text = _UNSEEN.sub("", unquote(text))
    yield text
    yield _WRAP.sub("", text)
    text = _SPACE.sub("", text)
    yield text
    if "." not in text:
        text = re.sub("=2E", ".", text, count=1, flags=re.IGNORECASE)
        yield text
    yield text.replace("=", "")
