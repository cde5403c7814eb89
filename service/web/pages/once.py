"""Pages of which most is the same for everybody: rendered once, and filled for each visitor.

A page follows from its template, its language and its values, and each different set of these is
rendered once. So a page changes with a list or a text, for what it shows of them is a value of
it. What differs from one visitor to the next is filled in afterwards: tokens, and the nonce.
Rendering the confirm page takes 700 µs, filling it 25.
"""

import re
import secrets
from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

from flask import Flask, current_app, render_template

from service.web.http.security import csp_nonce

KEPT_PAGES = 512
"""How many are kept; a few for each list and language. One has some kilobytes."""
_EXTENSION = "newsflash_pages"
_NONCE = "csp_nonce"
_MARK = f"fill-{secrets.token_hex(12)}-"
"""What stands in the place of a value, and in no text of anybody."""
_MARKED = re.compile(f"{_MARK}([a-z_]+)-")
_FILLABLE = re.compile(r"[A-Za-z0-9._~-]+")
"""What stands in HTML and in URLs as it is (RFC 3986, section 2.3)."""


def render_once(
    template: str, *, locale: str, fill: Mapping[str, str | None], **values: Hashable
) -> str:
    """Return the page in its `locale`. Its template sees `fill` and `values` alike.

    `fill` is tokens of ours; one that is None is None for the template. The template must not
    depend on anything else that changes: no request, no time. It may point to the local mailbox,
    which not every request may be shown.
    """
    given = tuple(name for name, value in fill.items() if value is not None)
    has_mailbox: Any = current_app.jinja_env.globals.get("has_mailbox")
    parts = current_app.extensions[_EXTENSION](
        template, locale, has_mailbox is not None and has_mailbox(), given, tuple(values.items())
    )
    texts: list[str] = []
    for place, part in enumerate(parts):
        if place % 2 == 0:
            texts.append(part)
            continue
        value = csp_nonce() if part == _NONCE else fill[part]
        if value is None or not _FILLABLE.fullmatch(value):
            raise ValueError(f"{part} cannot be filled in")
        texts.append(value)
    return "".join(texts)


def init_pages(app: Flask) -> None:
    """Give the app a cache of its own: what a page says also depends on the settings."""
    app.extensions[_EXTENSION] = lru_cache(maxsize=KEPT_PAGES)(_parts)


def _parts(
    template: str,
    _locale: str,
    _has_mailbox: bool,
    given: tuple[str, ...],
    values: tuple[tuple[str, Hashable], ...],
) -> tuple[str, ...]:
    marks = {name: f"{_MARK}{name}-" for name in given}
    page = render_template(template, csp_nonce=lambda: f"{_MARK}{_NONCE}-", **marks, **dict(values))
    return tuple(_MARKED.split(page))
