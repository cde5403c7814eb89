"""`newsflash worker`: delivery on its own."""

import gc
import os
import signal
from contextlib import closing, suppress

import click
from sqlalchemy.exc import SQLAlchemyError

from service.cli.application import adopt_keys_or_exit, services_or_exit
from service.cli.errors import log_errors
from service.cli.serving.parent import when_parent_is_gone
from service.cli.serving.stopping import stop_signals
from service.log import own_process
from service.store.delivery.signal import MailWaiter
from service.usecases.operations.worker import Worker

BESIDE_WEB_NICENESS = 5
"""Emails can wait a moment, visitors of a page cannot. So `serve` answers first."""
COLLECT_AFTER_OBJECTS = 50_000


@click.command()
@click.option("--drain", is_flag=True, help="Exit when nothing is due.")
@click.option("--parent", type=int, hidden=True, help="End with this process.")
def worker(*, drain: bool, parent: int | None) -> None:
    """Deliver queued emails. Any number of workers may run, on any number of machines."""
    own_process("worker")
    if parent is not None:
        log_errors()  # `serve` has started it: nobody reads what it prints
    services = services_or_exit()
    adopt_keys_or_exit(services)
    waiter = MailWaiter(services.engine)
    running = Worker(services.deliver, waiter, chores=services.chores)
    for number in stop_signals():
        signal.signal(number, lambda *_: running.stop.set())
    if parent is not None:
        when_parent_is_gone(parent, running.stop.set)
        os.nice(BESIDE_WEB_NICENESS)
    # A batch's emails are alive together: looking for garbage among them costs a fifth of the time.
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    services.heartbeat.log_start()
    with closing(waiter):
        running.run(drain=drain)
    with suppress(SQLAlchemyError):  # then it is seen by its age
        services.heartbeat.end()
