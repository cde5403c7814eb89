"""What commands print for scripts: the same JSON that the API answers with."""

import json
from typing import Any

import click


def json_text(value: Any) -> str:
    """Write what a schema dumped as one JSON text."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def echo_json(value: Any) -> None:
    """Print what a schema dumped."""
    click.echo(json_text(value))
