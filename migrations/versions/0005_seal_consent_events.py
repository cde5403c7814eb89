"""Seal consent events into a hash chain; keep consent texts by version."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.steps import commit_step

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = (
    ("email", sa.Text()),
    ("name", sa.Text()),
    ("position", sa.BigInteger()),
    ("salt", sa.String(64)),
)


def _types() -> tuple[Any, Any, Any]:
    """Return the types of ids, times and JSON on this database."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Uuid(), sa.DateTime(timezone=True), postgresql.JSONB()
    return sa.String(36), sa.String(27), sa.JSON()


def upgrade() -> None:
    """Build the tables. What is in the ledger already is sealed next, with the address as it is."""
    uuid, time, json = _types()
    for name, kind in COLUMNS:
        _add_column(name, kind)
    commit_step()
    op.execute(
        "UPDATE consent_events SET email = (SELECT subscribers.email FROM subscribers"
        " WHERE subscribers.id = consent_events.subscriber_id)"
    )
    commit_step()
    unsealed = sa.text("position IS NULL")
    op.create_index(
        "ix_consent_events_unsealed",
        "consent_events",
        ["id"],
        postgresql_where=unsealed,
        sqlite_where=unsealed,
        if_not_exists=True,
    )
    commit_step()
    op.create_table(
        "ledger_entries",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", uuid, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.Column("sealed_at", time, nullable=False),
        sa.Column("text_sha256", sa.String(64)),
        sa.Column("commitments", json, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_ledger_entries"),
        sa.UniqueConstraint("event_id", name="uq_ledger_entries_event_id"),
    )
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_head"),
    )
    op.execute(
        f"INSERT INTO ledger_head (id, position, entry_hash) VALUES (1, 0, '{'0' * 64}')"  # noqa: S608 - a constant
    )
    op.create_table(
        "sealed_texts",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_sealed_texts"),
    )
    op.create_table(
        "consent_texts",
        sa.Column("mailing_list_id", uuid, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.PrimaryKeyConstraint("mailing_list_id", "version", name="pk_consent_texts"),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"],
            ["mailing_lists.id"],
            name="fk_consent_texts_mailing_list_id_mailing_lists",
        ),
    )


def _add_column(name: str, kind: Any) -> None:
    """Add a column that may be there, where an earlier try broke off (not on SQLite)."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    op.add_column("consent_events", sa.Column(name, kind), if_not_exists=is_postgres or None)


def downgrade() -> None:
    """Drop all of it."""
    for table in ("consent_texts", "sealed_texts", "ledger_head", "ledger_entries"):
        op.drop_table(table)
    op.drop_index("ix_consent_events_unsealed", "consent_events")
    with op.batch_alter_table("consent_events") as batch:
        for name, _ in COLUMNS:
            batch.drop_column(name)
