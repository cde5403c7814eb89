"""`newsflash openapi`: the contract, from the code."""

import click
from sqlalchemy.engine import make_url

from service.app import contract_yaml, create_app
from service.config import Settings

_NOTHING = "0" * 64


@click.command()
def openapi() -> None:
    """Print the HTTP contract (OpenAPI 3.1). Needs no settings, keys or database."""
    settings = Settings(
        database_url=make_url("sqlite:////nowhere.db"),
        secret_keys=(_NOTHING,),
        address_hash_key=_NOTHING.encode(),
        receipt_key=_NOTHING,
    )
    click.echo(contract_yaml(create_app(settings)), nl=False)
