"""`newsflash worker`: delivery on its own."""

import os
import signal
import sys
import threading

import click

from service.app import build_deliver
from service.cli.application import app_or_exit, usecases_of
from service.store.models import db
from service.store.signal import MailWaiter
from service.usecases.worker import Worker


@click.command()
@click.option("--drain", is_flag=True, help="End when nothing is due.")
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
def worker(*, drain: bool, until_stdin_closes: bool) -> None:
    """Deliver owed mail; any number of workers may run on any number of machines."""
    app = app_or_exit()
    with app.app_context():
        engine = db.engine
    try:
        deliver = build_deliver(engine, usecases_of(app).settings)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    running = Worker(deliver, MailWaiter(engine))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.stop.set())
    if until_stdin_closes:
        # The pipe from `serve` closes however it ends, so no worker is left behind.
        def watch() -> None:
            while os.read(sys.stdin.fileno(), 1):
                pass
            running.stop.set()

        threading.Thread(target=watch, name="parent", daemon=True).start()
    running.run(drain=drain)
