"""`newsflash backup`: a copy of the SQLite database while it is in use."""

import sqlite3
from pathlib import Path

import click
from tqdm import tqdm

from service.cli.application import services_or_exit
from service.domain.errors import ConflictError


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(*, file: Path) -> None:
    """Copy the SQLite database to FILE while the service runs.

    The keys are not in it: back them up too (docs/backup.md).
    """
    run = services_or_exit().backup
    try:
        with tqdm(unit="page", leave=False, disable=None) as bar:

            def advance(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            run(file, progress=advance)
    except ConflictError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    except sqlite3.Error as error:
        raise click.ClickException(f"The backup failed ({error}).") from None
    click.echo(f"{file}: {file.stat().st_size} bytes")
