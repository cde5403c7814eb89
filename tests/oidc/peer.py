"""npm's oidc-provider: a certified identity provider that is not ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mail.peers import ROOT, free_port, program, running
from tests.oidc.issuer import CLIENT_ID, CLIENT_SECRET

MODULES = ROOT / ".venv" / "node" / "node_modules"
SCRIPT = Path(__file__).with_name("provider.mjs")


@contextmanager
def running_provider(redirect_uri: str) -> Iterator[str]:
    """Run it until the block ends and return the issuer, or skip the test where it is missing."""
    node = program("node")
    if not (MODULES / "oidc-provider").is_dir():
        pytest.skip("oidc-provider is not installed (make peers)")
    port = free_port()
    command = [node, str(SCRIPT), str(MODULES), str(port), CLIENT_ID, CLIENT_SECRET, redirect_uri]
    with running(command, port):
        yield f"http://localhost:{port}"
