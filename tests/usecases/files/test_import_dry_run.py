"""A dry run of an import tells what the import would, and leaves everything as it is."""

import io

import pytest
from sqlalchemy import func, select

from service.domain.files.exchange import FileFormat
from service.store.tables.access import AuditEntry
from service.store.tables.ledger import ConsentEvent
from service.store.tables.people import Subscriber, Subscription
from service.usecases.files.import_subscribers import Import, ImportOptions

FILE = b"""email,status,consent_at,consent_source
ada@example.org,confirmed,2026-01-01T00:00:00Z,paper
bob@example.org,pending,,
bob@example.org,pending,,
left@example.org,pending,,
nobody,pending,,
"""


@pytest.fixture
def run(scenario, engine):
    """Import the file, or only try to, and return the report."""
    scenario.sign_up("left@example.org")
    scenario.confirm("left@example.org")
    scenario.leave("left@example.org")
    import_ = Import(
        engine,
        lists=scenario.services.lists,
        address_hash_key=scenario.services.settings.address_hash_key,
    )
    return lambda **given: import_(io.BytesIO(FILE), format=FileFormat.CSV, actor="test", **given)


def test_a_dry_run_tells_the_same_and_changes_nothing(scenario, run):
    def counts():
        tables = (Subscriber, Subscription, ConsentEvent, AuditEntry)
        return [scenario.rows(select(func.count()).select_from(table))[0][0] for table in tables]

    before = counts()
    tried = run(options=ImportOptions(dry_run=True))
    assert counts() == before
    assert run() == tried
    assert (tried.rows, tried.imported, tried.unchanged, tried.skipped, tried.bad) == (
        5,
        2,
        1,
        1,
        1,
    )
    assert counts() != before
