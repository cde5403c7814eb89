"""Every table, one module per family. Importing any of them makes all of them known to `db`."""

from service.store.tables import (
    access,
    delivery,
    ledger,
    links,
    lists,
    operations,
    people,
    signup,
    webhooks,
)

__all__ = [
    "access",
    "delivery",
    "ledger",
    "links",
    "lists",
    "operations",
    "people",
    "signup",
    "webhooks",
]
