"""`newsflash serve`: the web service, and delivery with it."""

import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from threading import Event, Thread

import click
import structlog
from flask import Flask

from service.app import alive_paths, create_app, lane_of, services_of
from service.cli.access.admin_link import new_admin_link
from service.cli.application import (
    adopt_keys_or_exit,
    check_database_or_exit,
    create_unless_in_use,
    migrate_database,
    open_services,
    settings_or_exit,
)
from service.cli.errors import errors_as_log_lines
from service.cli.lazy import loading
from service.cli.serving.listening import bound_socket, bound_unix_socket, in_url
from service.cli.serving.parent import when_parent_is_gone
from service.cli.serving.processes import Copy, KeptProcess, name_process, share_memory
from service.cli.serving.sizing import web_processes
from service.cli.serving.stopping import stop_signals
from service.cli.serving.worker import deliver_beside
from service.config import PREFIX, Settings, is_given, keep_served_address
from service.counting import POOL_LIMIT, numbers
from service.domain.network import is_loopback
from service.front.server import run
from service.log import own_process
from service.mail.registry import names_in_use
from service.services import Services
from service.store.database import connections_at_most
from service.usecases.operations.watch import DeliveryWatch

_log = structlog.get_logger(__name__)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--unix-socket",
    type=click.Path(path_type=Path),
    help="Listen on this socket instead, for a proxy on the same machine.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Web processes.  [default: 1 on SQLite, one per usable core on PostgreSQL]",
)
@click.option("--no-worker", is_flag=True, help="Do not deliver emails; `newsflash worker` does.")
@click.option("--no-migrate", is_flag=True, help="Do not migrate the database.")
def serve(
    *,
    host: str,
    port: int,
    unix_socket: Path | None,
    workers: int | None,
    no_worker: bool,
    no_migrate: bool,
) -> None:
    """Serve forms, pages and API. Migrates the database first, and delivers emails."""
    os.environ[f"{PREFIX}BIND_HOST"] = host
    missing_key = None if no_migrate else create_unless_in_use
    settings_or_exit(missing_key=missing_key)  # reads .env, too
    has_own_url = is_given("PUBLIC_URL")
    if not has_own_url:
        reachable = host if is_loopback(host) else "127.0.0.1"
        os.environ[f"{PREFIX}PUBLIC_URL"] = f"http://{in_url(reachable)}:{port}"
    settings = settings_or_exit(missing_key=missing_key)
    services = open_services(settings)
    with loading():
        _app()
        if not no_worker:
            services.build_for_worker()
    for guarded in services.provider_pool:  # a wrong MAIL_URL shows here, not in the worker's log
        guarded.provider.close()
    bound = bound_socket(host, port) if unix_socket is None else bound_unix_socket(unix_socket)
    if no_migrate:
        is_new = False
        check_database_or_exit(services)
        adopt_keys_or_exit(services)
    else:
        is_new = migrate_database(services)
    if not has_own_url:
        keep_served_address(settings)
    may_show = is_new and settings.is_sqlite and is_terminal()
    place = f"http://{in_url(host)}:{port}" if unix_socket is None else str(unix_socket)
    slug = services.lists.default().slug
    _say(settings, host, place, slug=slug, first=_first_keys(services) if may_show else None)
    count, too_few = web_processes(services.engine, asked=workers, has_worker=not no_worker)
    services.close()
    if too_few:
        _log.warning("few connections", text=too_few)
    share_memory()
    delivery = None if no_worker else KeptProcess(partial(Copy, deliver_beside, bound, os.getpid()))
    try:
        keep_web(web_process, bound, workers=count)
    finally:
        if delivery is not None:
            delivery.stop()


def keep_web(
    serve: Callable[[socket.socket, int, int], None], bound: socket.socket, *, workers: int
) -> None:
    """Keep `workers` web processes on one socket until asked to stop; then let them end.

    Each runs `serve`, which is given the socket, our process id, and its number among them.
    """
    is_over = threading.Event()
    processes = [
        KeptProcess(partial(Copy, serve, bound, os.getpid(), number)) for number in range(workers)
    ]
    for number in stop_signals():
        signal.signal(number, lambda *_: is_over.set())
    try:
        is_over.wait()
    finally:
        for each in processes:
            each.terminate()
        for each in processes:
            each.stop()


def web_process(bound: socket.socket, parent: int, number: int) -> None:
    """Answer requests in this process until asked to stop, or until its parent is gone."""
    for each in stop_signals():
        signal.signal(each, signal.SIG_DFL)  # a copy inherits handlers that stop only its parent
    name_process("newsflash web")
    own_process("web")
    numbers.use_row(number)
    when_parent_is_gone(parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with errors_as_log_lines():
        app = _app()
    found = services_of(app)
    numbers.set((POOL_LIMIT,), connections_at_most(found.engine))
    public_url = found.settings.public_url
    if number == 0:
        watch = DeliveryWatch(
            found.metrics, public_url=public_url, providers=names_in_use(found.settings.mail_urls)
        )
        Thread(target=watch.run, args=(Event(),), name="watch delivery", daemon=True).start()
    run(
        app,
        bound,
        lane_of=lane_of(app, public_url),
        alive_paths=alive_paths(public_url),
        stop_signals=stop_signals(),
    )


@cache
def _app() -> Flask:
    """Return the app: made once, before the processes that are copies of this one."""
    return create_app(settings_or_exit())


def is_terminal() -> bool:
    """Tell whether a person reads what is printed. Elsewhere it goes into a log, which is kept."""
    return sys.stdout.isatty()


def _first_keys(services: Services) -> tuple[str, str]:
    """Make an administrator's key and a sign-in link, to be shown once, on a terminal only."""
    key = services.keys.create("first", role="admin", actor="serve")
    return key, new_admin_link(services, actor="serve")


def _command() -> str:
    """Return how to type this command here: by its path where the shell finds no such one."""
    own = Path(sys.executable).with_name("newsflash")
    if not own.exists() or shutil.which("newsflash") == str(own):
        return "newsflash"
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


def _say(
    settings: Settings, host: str, place: str, *, slug: str, first: tuple[str, str] | None
) -> None:
    """Tell a person at the terminal where to look and how to try it."""
    start, command = settings.public_url, _command()
    lines = ["", f"  Newsflash listens on {place}", ""]
    lines += [f"  Sign up     {start}/subscribe/{slug}"]
    if settings.mail_urls[0].startswith("mailbox:") and is_loopback(host):
        lines += [f"  Mailbox     {start}/mailbox   (emails stay on this machine)"]
    lines += [f"  API         {start}/docs"]
    lines += [f"  Commands    {command} --help"]
    if first:
        first_key, first_link = first
        lines += [
            f"  Admin       {first_link}",
            "              (signs you in once, for 15 minutes)",
            f"  API key     {first_key}   (role admin; shown only once)",
            "",
            "  Who is subscribed:",
            f"    curl -H 'Authorization: Bearer {first_key}' {start}/v1/subscribers/export",
        ]
    else:
        lines += [f"  Admin       {start}/admin   (sign in with {command} admin-link)"]
        lines += [f"  API key     {command} keys create NAME --role admin"]
    click.echo("\n".join([*lines, ""]))
