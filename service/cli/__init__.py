"""The `newsflash` command."""

import os

import click

from service.cli.admin_link import admin_link
from service.cli.audit import audit
from service.cli.backup import backup
from service.cli.consent_texts import consent_texts
from service.cli.database import database
from service.cli.doctor import doctor
from service.cli.errors import OneLineErrors
from service.cli.exports import exports
from service.cli.held import held
from service.cli.keys import keys
from service.cli.lists import lists
from service.cli.openapi import openapi
from service.cli.outbox import outbox
from service.cli.receipts import receipts
from service.cli.retention import retention
from service.cli.serve import serve
from service.cli.stats import stats
from service.cli.subscribers import subscribers
from service.cli.suppressions import suppressions
from service.cli.text import take_only_text
from service.cli.webhooks import webhooks
from service.cli.worker import worker


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
