"""`newsflash openapi`: the contract, from the code."""

import click
import yaml
from flask import Flask

from service.cli.application import app_or_exit


def contract_yaml(app: Flask) -> str:
    """Return openapi.yaml as the app stands."""
    spec = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec
    return yaml.safe_dump(spec.to_dict(), sort_keys=False, allow_unicode=True, width=100)


@click.command()
def openapi() -> None:
    """Print the HTTP contract (OpenAPI 3.1)."""
    click.echo(contract_yaml(app_or_exit()), nl=False)
