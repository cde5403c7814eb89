"""`newsflash receipts`: proof of consent, made here and checked anywhere."""

import json
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO
from uuid import UUID

import click

from service.cli import options
from service.cli.application import ACTOR, services_or_exit
from service.cli.files.files import private_file
from service.domain.ledger.format import Document
from service.signing import PublicKey, PublicKeyError
from service.usecases.ledger.verify import Report, UnreadableFileError, VerifyReceipts

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("receipts")
def receipts() -> None:
    """Prove what people agreed to. docs/ledger.md describes the format."""


@receipts.command("verify")
@click.argument("file", type=_FILE)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="KEY|FILE",
    help="The service's key: 43 characters, or a file with its JWK or its JWK Set (which also has "
    "earlier keys). Repeat for more.  [default: the one in FILE]",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=_FILE,
    help="An earlier checkpoint or receipt: shows what was removed since. Repeat for more.",
)
def verify(*, file: Path, public_keys: tuple[str, ...], checkpoints: tuple[Path, ...]) -> None:
    """Check a receipt, an exported ledger or a checkpoint, offline.

    Prints each entry that was changed, removed, moved or cut off, and then exits with 1.
    """
    check = VerifyReceipts(
        public_keys=[key for given in public_keys for key in _public_keys(given)],
        kept=checkpoints,
    )
    try:
        report = check(file)
    except UnreadableFileError as error:
        raise click.ClickException(str(error)) from None
    _tell(report, is_given=bool(public_keys))
    if report.findings:
        sys.exit(1)


@receipts.command("export")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@click.option(
    "--with-personal", is_flag=True, help="Include addresses and the salts that prove them."
)
def export(*, output: Path | None, with_personal: bool) -> None:
    """Write the whole ledger, one JSON document per line, with a signed checkpoint at the end."""
    documents = services_or_exit().receipts.export(with_personal=with_personal)
    if output is None:
        _write(sys.stdout, *documents)
        return
    with private_file(output) as file, TextIOWrapper(file, encoding="utf-8") as lines:
        _write(lines, *documents)


@receipts.command("checkpoint")
def checkpoint() -> None:
    """Print a signed checkpoint of the ledger. Keep it elsewhere: it reveals missing entries."""
    _write(sys.stdout, services_or_exit().receipts.checkpoint())


@receipts.command("issue")
@click.argument("subscriber_id", type=click.UUID)
@click.option("--cursor", help="next_cursor of the previous receipt.")
def issue(subscriber_id: UUID, cursor: str | None) -> None:
    """Print a person's signed consent receipt."""
    with options.in_one_line(f"There is no subscriber {subscriber_id}."):
        found = services_or_exit().receipts.by_subscriber(subscriber_id, actor=ACTOR, cursor=cursor)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))


@receipts.command("public-key")
def public_key() -> None:
    """Print the public keys that verify receipts, newest first (JWK Set, RFC 7517)."""
    _write(sys.stdout, services_or_exit().receipts.public_keys())


def _public_keys(text: str) -> tuple[PublicKey, ...]:
    try:
        return PublicKey.parse(Path(text).read_text() if Path(text).is_file() else text)
    except (OSError, PublicKeyError, UnicodeDecodeError) as error:
        raise click.ClickException(f"--public-key: {error}") from None


def _write(file: TextIO, *documents: Document) -> None:
    for document in documents:
        file.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")


def _tell(report: Report, *, is_given: bool) -> None:
    """Print the findings, and the key that was used."""
    for finding in report.findings:
        click.echo(f"{finding.kind}: {finding.message}")
    what = report.type.removeprefix("newsflash-")
    parts = (
        [_count(report.entries, "entry", "entries")]
        if report.type != "newsflash-checkpoint"
        else []
    )
    if report.unsealed:
        parts.append(f"{report.unsealed} not sealed yet")
    if report.end is not None:
        parts.append(f"{report.end.name} at entry {report.end.position}")
    verdict = _count(len(report.findings), "finding", "findings") if report.findings else "good"
    click.echo(f"{what}: {verdict}; {', '.join(parts)}")
    if not is_given:
        click.echo(
            f"Checked with the key in the file: {report.keys[0].x}\n"
            "Compare it with /.well-known/newsflash-receipts.json of the service."
        )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
