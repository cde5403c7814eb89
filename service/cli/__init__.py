"""The `newsflash` command."""

import os

import click

from service.cli.errors import OneLineErrors
from service.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "admin-link": Lazy(
        "service.cli.access.admin_link:admin_link",
        "Print a link that signs you in to the admin pages. It works once, for 15 minutes.",
    ),
    "audit": Lazy(
        "service.cli.access.audit:audit",
        "Print the newest entries of the audit log, one per line.",
    ),
    "backup": Lazy(
        "service.cli.operations.backup:backup",
        "Copy the SQLite database to FILE while the service runs.",
    ),
    "consent-texts": Lazy(
        "service.cli.lists.consent_texts:consent_texts",
        "Manage consent texts. A list without its own shows the built-in one, version 1.",
    ),
    "db": Lazy(
        "service.cli.operations.database:database",
        "Migrate and check the database.",
    ),
    "doctor": Lazy(
        "service.cli.operations.doctor:doctor",
        "Check configuration, database, providers and the sender's DNS.",
    ),
    "exports": Lazy(
        "service.cli.files.exports:exports",
        "Show past exports.",
    ),
    "held": Lazy(
        "service.cli.signup.held:held",
        "Review held signups: approve or discard them.",
    ),
    "keys": Lazy(
        "service.cli.access.keys:keys",
        "Create, list and revoke API keys.",
    ),
    "lists": Lazy(
        "service.cli.lists.lists:lists",
        "Create, change and show mailing lists.",
    ),
    "openapi": Lazy(
        "service.cli.operations.openapi:openapi",
        "Print the HTTP contract (OpenAPI 3.1). Needs no settings, keys or database.",
    ),
    "outbox": Lazy(
        "service.cli.delivery.outbox:outbox",
        "Show queued emails, and retry failed ones.",
    ),
    "receipts": Lazy(
        "service.cli.ledger.receipts:receipts",
        "Prove what people agreed to. docs/ledger.md describes the format.",
    ),
    "retention": Lazy(
        "service.cli.people.retention:retention",
        "Show and apply retention periods. The worker applies them every hour.",
    ),
    "serve": Lazy(
        "service.cli.serving.serve:serve",
        "Serve forms, pages and API. Migrates the database first, and delivers emails.",
    ),
    "stats": Lazy(
        "service.cli.operations.stats:stats",
        "Print signups, confirmations, unsubscribes, bounces and complaints by day and by list.",
    ),
    "subscribers": Lazy(
        "service.cli.people.subscribers:subscribers",
        "Export and import subscriptions; find, change and erase people.",
    ),
    "suppressions": Lazy(
        "service.cli.people.suppressions:suppressions",
        "List, add and remove suppressed addresses.",
    ),
    "webhooks": Lazy(
        "service.cli.webhooks.webhooks:webhooks",
        "Notify your systems of events.",
    ),
    "worker": Lazy(
        "service.cli.serving.worker:worker",
        "Deliver queued emails. Any number of workers may run, on any number of machines.",
    ),
}


class _Main(OneLineErrors, LazyGroup):
    """The whole command."""


@click.group(cls=_Main, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsflash")
def main() -> None:
    """Newsflash: newsletter subscriptions with double opt-in.

    Settings come from the environment (NEWSFLASH_…) or a .env file.
    """
    # The database and its companions, keys, emails, exports: nothing is for others to read.
    os.umask(0o077)
