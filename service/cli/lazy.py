"""A group of commands that imports a command's module only when that command is used."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from service.cli.text import take_only_text


@contextmanager
def loading() -> Iterator[None]:
    """Load modules and build what stays, without the collector.

    It would find nothing to free, again and again: loading `serve` takes 0.8 of the time without.
    What is there afterwards is passed over by later collections, too (`gc.freeze`).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is, and what it does."""

    target: str
    """Its module, a colon, and its name there."""
    help: str
    """The first paragraph of its help; tests hold the two together."""


class LazyGroup(click.Group):
    """Lists its commands from a table, so that `--help` imports none of them."""

    def __init__(self, *given: Any, lazy: Mapping[str, Lazy], **more: Any) -> None:
        """Take the table of commands, by name, in addition to what any group takes."""
        super().__init__(*given, **more)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names."""
        return sorted(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None where there is no such one."""
        if cmd_name not in self._lazy:
            return None
        if cmd_name not in self.commands:
            module, _, name = self._lazy[cmd_name].target.partition(":")
            with loading():
                command: click.Command = getattr(import_module(module), name)
            take_only_text(command)
            self.add_command(command, cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names, each with what it does, as click does by importing them."""
        names = self.list_commands(ctx)
        room = formatter.width - 6 - max(map(len, names))
        rows = [
            (name, click.Command(name, help=self._lazy[name].help).get_short_help_str(room))
            for name in names
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
