"""`newsflash openapi`: the contract, from the code."""

import click

from service.cli.application import app_or_exit
from service.web.contract import contract_yaml


@click.command()
def openapi() -> None:
    """Print the HTTP contract (OpenAPI 3.1)."""
    click.echo(contract_yaml(app_or_exit()), nl=False)
