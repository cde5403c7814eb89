"""Fixtures of the tests that look at rows."""

from tests.store.world import world as world
