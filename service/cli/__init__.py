"""The `newsflash` command."""

import os

import click

from service.cli.access.admin_link import admin_link
from service.cli.access.audit import audit
from service.cli.access.keys import keys
from service.cli.delivery.outbox import outbox
from service.cli.errors import OneLineErrors
from service.cli.files.exports import exports
from service.cli.ledger.receipts import receipts
from service.cli.lists.consent_texts import consent_texts
from service.cli.lists.lists import lists
from service.cli.operations.backup import backup
from service.cli.operations.database import database
from service.cli.operations.doctor import doctor
from service.cli.operations.openapi import openapi
from service.cli.operations.stats import stats
from service.cli.people.retention import retention
from service.cli.people.subscribers import subscribers
from service.cli.people.suppressions import suppressions
from service.cli.serving.serve import serve
from service.cli.serving.worker import worker
from service.cli.signup.held import held
from service.cli.text import take_only_text
from service.cli.webhooks.webhooks import webhooks


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsflash")
def main() -> None:
    """Newsflash: newsletter subscriptions with double opt-in.

    Settings come from the environment (NEWSFLASH_…) or a .env file.
    """
    # The database and its companions, keys, emails, exports: nothing is for others to read.
    os.umask(0o077)


for command in (
    serve,
    worker,
    database,
    backup,
    openapi,
    outbox,
    webhooks,
    doctor,
    admin_link,
    held,
    lists,
    keys,
    subscribers,
    suppressions,
    exports,
    stats,
    audit,
    retention,
    receipts,
    consent_texts,
):
    main.add_command(command)
take_only_text(main)
