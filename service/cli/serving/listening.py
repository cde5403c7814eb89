"""The socket that `serve` listens on: an address, or a Unix socket."""

import socket
from contextlib import ExitStack
from pathlib import Path

import click


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address, or end the command with one line.

    Web processes listen on it once they can answer: who comes earlier is refused, not kept waiting.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as stack:
            bound = stack.enter_context(socket.socket(family, kind))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6 and socket.has_dualstack_ipv6():
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            bound.bind(address)
            stack.pop_all()
        return bound
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {in_url(host)}:{port}: {error.strerror}. Choose another --port or"
            " --host, or stop what uses it."
        ) from None


def bound_unix_socket(path: Path) -> socket.socket:
    """Return a socket bound to this path, or end the command with one line.

    Who may enter its folder may connect. One that a dead process left behind is replaced.
    """
    bound = socket.socket(socket.AF_UNIX)
    try:
        if path.is_socket() and not _is_served(path):
            path.unlink()
        bound.bind(str(path))
        path.chmod(0o666)
    except OSError as error:
        bound.close()
        reason = error.strerror or error  # a path that is too long has no such text
        raise click.ClickException(
            f"Cannot listen on {path}: {reason}. Choose another --unix-socket."
        ) from None
    return bound


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def in_url(host: str) -> str:
    """Write a host as it stands in an address: IPv6 in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]" if ":" in host else host
