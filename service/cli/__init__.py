"""The `newsflash` command."""

import os

import click

from service.cli.errors import OneLineErrors
from service.cli.lazy import Lazy, LazyGroup

COMMANDS = {
    "admin-link": Lazy(
        "service.cli.access.admin_link:admin_link",
        "Print a link that signs one browser in to the admin pages, once, within 15 minutes.",
    ),
    "audit": Lazy(
        "service.cli.access.audit:audit",
        "Print the newest entries of the audit log, one a line.",
    ),
    "backup": Lazy(
        "service.cli.operations.backup:backup",
        "Copy the SQLite database to FILE while the service runs.",
    ),
    "consent-texts": Lazy(
        "service.cli.lists.consent_texts:consent_texts",
        "Say what people agree to.",
    ),
    "db": Lazy(
        "service.cli.operations.database:database",
        "Migrate the database.",
    ),
    "doctor": Lazy(
        "service.cli.operations.doctor:doctor",
        "Check configuration, database, providers and the sender's DNS; one line each.",
    ),
    "exports": Lazy(
        "service.cli.files.exports:exports",
        "Look at what was exported.",
    ),
    "held": Lazy(
        "service.cli.signup.held:held",
        "Look at signups held for review, and let them through or not.",
    ),
    "keys": Lazy(
        "service.cli.access.keys:keys",
        "Make, list and revoke API keys.",
    ),
    "lists": Lazy(
        "service.cli.lists.lists:lists",
        "Make, change and look at mailing lists.",
    ),
    "openapi": Lazy(
        "service.cli.operations.openapi:openapi",
        "Print the HTTP contract (OpenAPI 3.1).",
    ),
    "outbox": Lazy(
        "service.cli.delivery.outbox:outbox",
        "Show emails of the outbox, and send failed ones again.",
    ),
    "receipts": Lazy(
        "service.cli.ledger.receipts:receipts",
        "Prove what people agreed to; docs/ledger.md tells the format.",
    ),
    "retention": Lazy(
        "service.cli.people.retention:retention",
        "Show and apply how long what is kept; the worker applies it every hour.",
    ),
    "serve": Lazy(
        "service.cli.serving.serve:serve",
        "Serve the forms, pages and API; migrate first and deliver mail too.",
    ),
    "stats": Lazy(
        "service.cli.operations.stats:stats",
        "Print what happened day by day, and on each list.",
    ),
    "subscribers": Lazy(
        "service.cli.people.subscribers:subscribers",
        "Export and import subscriptions; find, correct and erase people.",
    ),
    "suppressions": Lazy(
        "service.cli.people.suppressions:suppressions",
        "Look at addresses that are not to be mailed; add one, or lift one.",
    ),
    "webhooks": Lazy(
        "service.cli.webhooks.webhooks:webhooks",
        "Tell the site's own systems what happens.",
    ),
    "worker": Lazy(
        "service.cli.serving.worker:worker",
        "Deliver owed mail; any number of workers may run on any number of machines.",
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
