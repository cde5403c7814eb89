"""A command loads what it needs, and `--help` loads no command at all."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from service.cli import COMMANDS, main
from tests.cli.commands import commands_of

WITH_WEB = {"serve", "openapi"}


def loaded_by(code: str) -> set[str]:
    """Return the modules that are loaded once a new process has run the code."""
    end = "\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}{end}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stderr.split())


def test_help_loads_nothing_but_click():
    loaded = loaded_by("from service.cli import main\nmain(['--help'], standalone_mode=False)")
    assert {name for name in loaded if name.startswith("service")} == {
        "service",
        "service.cli",
        "service.cli.errors",
        "service.cli.lazy",
        "service.cli.text",
    }
    assert not loaded & {"sqlalchemy", "flask", "alembic", "structlog", "cryptography", "idna"}


def test_only_commands_that_serve_load_the_web():
    modules = {lazy.target.partition(":")[0] for name, lazy in COMMANDS.items()}
    web = {COMMANDS[name].target.partition(":")[0] for name in WITH_WEB}
    loaded = loaded_by("\n".join(f"import {name}" for name in sorted(modules - web)))
    assert "service.services" in loaded
    assert not {name for name in loaded if name.startswith(("service.web.", "service.app"))}


def test_serve_loads_only_what_most_installations_use():
    loaded = loaded_by("import service.cli.serving.serve\nimport service.app")
    assert "flask" in loaded
    assert not loaded & {"alembic", "mako", "authlib", "joserfc", "psycopg", "redis", "dns"}


def test_the_table_says_what_each_command_says_of_itself():
    found = commands_of(main)
    assert found.keys() == COMMANDS.keys()
    said = {name: (found[name].help or "").partition("\n\n")[0] for name in found}
    written = {name: " ".join(text.split()) for name, text in said.items()}
    assert {name: lazy.help for name, lazy in COMMANDS.items()} == written


def test_help_reads_as_if_all_commands_were_there(monkeypatch: pytest.MonkeyPatch):
    lazily = CliRunner().invoke(main, ["--help"]).output
    commands_of(main)
    monkeypatch.setattr(type(main), "format_commands", click.Group.format_commands)
    assert CliRunner().invoke(main, ["--help"]).output == lazily
    assert lazily.count("\n  ") > len(COMMANDS)


def test_an_unknown_command_is_named():
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 2
    assert "No such command 'list'" in result.output
