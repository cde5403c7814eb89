"""`newsflash admin-link`: sign in to the admin pages without a key."""

import click

from service.cli.application import ACTOR, services_or_exit
from service.services import Services


@click.command("admin-link")
@click.option(
    "--revoke-all",
    is_flag=True,
    help="Instead, revoke all links and end the sessions that they opened.",
)
@click.option(
    "--end-sessions",
    is_flag=True,
    help="Instead, revoke all links and end all sessions, however they were opened.",
)
def admin_link(*, revoke_all: bool, end_sessions: bool) -> None:
    """Print a link that signs you in to the admin pages. It works once, for 15 minutes."""
    found = services_or_exit()
    if revoke_all or end_sessions:
        admin_sessions = found.admin_sessions
        end = admin_sessions.end_all if end_sessions else admin_sessions.end_links
        sessions, links = end(actor=ACTOR)
        click.echo(f"{sessions} sessions ended, {links} links revoked")
        return
    click.echo(new_admin_link(found, actor=ACTOR))


def new_admin_link(services: Services, *, actor: str) -> str:
    """Return the address of a new one-time link."""
    token = services.admin_sessions.make_link(actor=actor)
    return f"{services.settings.public_url}/admin/sign-in/{token}"
