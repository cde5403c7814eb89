"""Arguments and options that are text are text that can be kept.

A terminal of another encoding hands over bytes that are not UTF-8; Python keeps them as lone
surrogates, which no database does. Paths of files are taken as they are.
"""

from typing import Any

import click


class Text(click.types.StringParamType):
    """A text without NUL and lone surrogates."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, or end the command with the line that names the argument."""
        from service.domain.text import is_storable  # `--help` does not need it

        text: str = super().convert(value, param, ctx)
        if not is_storable(text):
            self.fail(
                "This is not UTF-8 text. Set the terminal to UTF-8 and try again.", param, ctx
            )
        return text


def take_only_text(command: click.Command) -> None:
    """Have every text parameter of the command, and of those below it, refuse what is none."""
    for parameter in command.params:
        if type(parameter.type) is click.types.StringParamType:
            parameter.type = Text()
    if isinstance(command, click.Group):
        for each in command.commands.values():
            take_only_text(each)
