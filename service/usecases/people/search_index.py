"""The upkeep of the index that the search for subscribers goes by."""

from sqlalchemy import Engine

from service.store.people.search import tidy_index

TIDY_EVERY_SECONDS = 30.0
"""A thousand signups a second leave 30 MB in that time; beyond 32 MB a signup sorts them in."""


def tidy_search_index(engine: Engine) -> int:
    """Sort what is new into the index. Returns 0: that was all."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            tidy_index(connection)
    return 0
