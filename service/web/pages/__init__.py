"""The pages that visitors see: forms, the page after signup, the links in emails, errors.

Rendered on the server, usable without JavaScript, without a cookie, and in any language that has
a catalog. A view parses, calls one use case and renders.
"""

from service.web.pages import errors, forms, links, receipts, status
from service.web.pages.blueprint import pages

__all__ = ["errors", "forms", "links", "pages", "receipts", "status"]
