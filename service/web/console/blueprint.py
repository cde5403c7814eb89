"""The blueprint that the pages for administrators register themselves on."""

from flask import Blueprint

admin_pages = Blueprint("admin", __name__, url_prefix="/admin")
