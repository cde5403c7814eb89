"""`newsflash worker`: delivery on its own."""

import os
import signal
from contextlib import closing, suppress

import click
from sqlalchemy.exc import SQLAlchemyError

from service.app import build_chores, build_deliver, build_provider_pool
from service.cli.application import adopt_keys_or_exit, app_or_exit, services_of
from service.cli.errors import log_errors
from service.cli.serving.parent import when_parent_is_gone
from service.cli.serving.stopping import stop_signals
from service.config import SettingError
from service.log import own_process
from service.store.delivery.signal import MailWaiter
from service.store.tables.base import db
from service.usecases.delivery.worker import Worker
from service.usecases.operations.heartbeat import Heartbeat

BESIDE_WEB_NICENESS = 5
"""A mail can wait a moment; whoever looks at a page gives up. So `serve` answers first."""


@click.command()
@click.option("--drain", is_flag=True, help="End when nothing is due.")
@click.option("--parent", type=int, hidden=True, help="End with this process.")
def worker(*, drain: bool, parent: int | None) -> None:
    """Deliver owed mail; any number of workers may run on any number of machines."""
    own_process("worker")
    if parent is not None:
        log_errors()  # `serve` has started it: nobody reads what it prints
    app = app_or_exit()
    adopt_keys_or_exit(app)
    with app.app_context():
        engine = db.engine
    settings = services_of(app).settings
    try:
        pool = build_provider_pool(settings)
    except SettingError as error:
        raise click.ClickException(str(error)) from None
    waiter = MailWaiter(engine)
    heartbeat = Heartbeat(engine, pool=pool, public_url=settings.public_url)
    running = Worker(
        build_deliver(engine, settings, pool=pool),
        waiter,
        chores=build_chores(engine, settings, heartbeat=heartbeat),
    )
    for number in stop_signals():
        signal.signal(number, lambda *_: running.stop.set())
    if parent is not None:
        when_parent_is_gone(parent, running.stop.set)
        os.nice(BESIDE_WEB_NICENESS)
    heartbeat.log_start()
    with closing(waiter):
        running.run(drain=drain)
    with suppress(SQLAlchemyError):  # then it is seen by its age
        heartbeat.end()
