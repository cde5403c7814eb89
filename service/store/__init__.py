"""Tables and queries, on SQLite and PostgreSQL alike. Nothing here commits; use cases do."""
