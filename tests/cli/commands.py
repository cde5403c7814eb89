"""The commands as they are declared, without running them."""

import click


def commands_of(group: click.Group) -> dict[str, click.Command]:
    """Return the commands of a group by name; those that are imported when used, too."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}
