"""Alembic's environment and the migrations. Nothing here imports `service`."""
