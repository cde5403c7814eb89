"""`newsflash worker`: delivery on its own."""

import gc
import os
import signal
import socket
from contextlib import closing, suppress

import click
from sqlalchemy.exc import SQLAlchemyError

from service.cli.application import adopt_keys_or_exit, services_or_exit
from service.cli.errors import errors_as_log_lines
from service.cli.serving.parent import when_parent_is_gone
from service.cli.serving.processes import name_process
from service.cli.serving.stopping import stop_signals
from service.log import own_process
from service.store.delivery.signal import MailWaiter
from service.usecases.operations.worker import Worker

BESIDE_WEB_NICENESS = 5
"""Emails can wait a moment, visitors of a page cannot. So `serve` answers first."""
COLLECT_AFTER_OBJECTS = 50_000


@click.command()
@click.option("--drain", is_flag=True, help="Exit when nothing is due.")
def worker(*, drain: bool) -> None:
    """Deliver queued emails. Any number of workers may run, on any number of machines."""
    own_process("worker")
    _deliver(drain=drain, parent=None)


def deliver_beside(bound: socket.socket, parent: int) -> None:
    """Deliver in this process, a copy of `serve`, until asked to stop or its parent is gone."""
    bound.close()  # who listens on it is the web's matter
    for each in stop_signals():
        signal.signal(each, signal.SIG_DFL)  # a copy inherits handlers that stop only its parent
    name_process("newsflash work")
    own_process("worker")
    with errors_as_log_lines():
        _deliver(drain=False, parent=parent)


def _deliver(*, drain: bool, parent: int | None) -> None:
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
