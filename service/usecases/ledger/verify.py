"""Checking receipts and exported ledgers offline: a file and public keys, no database."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.domain.ledger.check import (
    ChainCheck,
    Finding,
    FindingKind,
    ReadEntry,
    Witness,
    read_entry,
)
from service.domain.ledger.format import Document, text_hash
from service.signing import PublicKey, PublicKeyError

LEDGER, RECEIPT, CHECKPOINT = "newsflash-ledger", "newsflash-receipt", "newsflash-checkpoint"


class UnreadableFileError(ValueError):
    """The file is none of ours. The message says why, for a person."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What a check has found; `keys` are the public keys that the file was held to."""

    type: str
    keys: tuple[PublicKey, ...]
    entries: int = 0
    unsealed: int = 0
    end: Witness | None = None
    findings: list[Finding] = field(default_factory=list)


class VerifyReceipts:
    """Checks files against the service's public keys, or else against the one that each brings."""

    def __init__(self, *, public_keys: Iterable[PublicKey] = (), kept: Iterable[Path] = ()) -> None:
        """`public_keys` are that which signs now and those before it, any of which may have signed
        a file. `kept` are checkpoints and receipts from before, which show what is gone since.
        """
        self._given = tuple(public_keys)
        self._kept = tuple(kept)

    def __call__(self, path: Path) -> Report:
        """Check an exported ledger, a receipt or a checkpoint. Raises `UnreadableFileError`."""
        with _open(path) as lines:
            first = _parse(next(lines, ""))
            if isinstance(first, dict) and first.get("type") == LEDGER:
                return self._ledger(first, lines)
        document = _whole(path)
        if document.get("type") == RECEIPT:
            return self._receipt(document)
        return self._checkpoint(document)

    def _ledger(self, header: Document, lines: Iterator[str]) -> Report:
        report = self._begin(header)
        check = ChainCheck(self._witnesses(report))
        texts, named, is_closed = set(), dict[str, int](), False
        for line in lines:
            if not line.strip():
                continue
            found = _parse(line)
            if isinstance(found, dict) and found.get("type") == CHECKPOINT:
                report.end, is_closed = self._end(report, found), True
            elif isinstance(found, dict) and "sha256" in found:
                texts.add(_check_text(report, found))
            else:
                check.feed(found)
                _note_text(named, found)
        if not is_closed:
            message = "there is no checkpoint at the end: entries may be missing there"
            report.findings.append(Finding(FindingKind.MISSING, message))
        report.entries = check.count
        report.findings += check.finish(report.end)
        report.findings += _missing_texts(named, texts)
        return report

    def _receipt(self, receipt: Document) -> Report:
        report = self._begin(receipt)
        if not _is_signed(report, receipt):
            message = "the signature of the receipt is invalid: it was changed after it was issued"
            report.findings.append(Finding(FindingKind.SIGNATURE, message))
        report.end = self._end(report, receipt.get("checkpoint"))
        known = [*self._witnesses(report), *([report.end] if report.end else [])]
        records, named = _items(receipt, "entries"), dict[str, int]()
        last = ReadEntry(0, "", "")
        for number, record in enumerate(records, start=1):
            entry = read_entry(record)
            if entry is None:
                message = f"number {number} of the entries is not an entry"
                report.findings.append(Finding(FindingKind.UNREADABLE, message))
                continue
            report.findings += [*entry.findings, *_misplaced(entry, last, known)]
            if report.end is not None and entry.position > report.end.position:
                message = f"entry {entry.position} is beyond {report.end.name}"
                report.findings.append(Finding(FindingKind.ADDED, message, entry.position))
            _note_text(named, record)
            last = entry
        texts = {_check_text(report, text) for text in _items(receipt, "texts")}
        report.findings += _missing_texts(named, texts)
        report.entries = len(records)
        report.unsealed = len(_items(receipt, "unsealed"))
        return report

    def _checkpoint(self, document: Document) -> Report:
        if not self._given:
            raise UnreadableFileError("a checkpoint alone is checked with --public-key")
        report = Report(type=CHECKPOINT, keys=self._given)
        report.end = self._end(report, document)
        return report

    def _begin(self, document: Document) -> Report:
        """Choose the keys: the given ones, of which the file's own must be one."""
        try:
            own = PublicKey.from_jwk(document.get("public_key"))
        except PublicKeyError:
            own = None
        keys = self._given or ((own,) if own is not None else ())
        if not keys:
            raise UnreadableFileError("it contains no public key; give one with --public-key")
        report = Report(type=str(document["type"]), keys=keys)
        if own not in keys:
            message = "its public key is not the one that was given"
            report.findings.append(Finding(FindingKind.SIGNATURE, message))
        return report

    def _witnesses(self, report: Report) -> list[Witness]:
        """Read what was kept from before; each file must be signed by one of the keys."""
        found: list[Witness] = []
        for path in self._kept:
            document = _whole(path)
            if not _is_signed(report, document):
                message = f"{path.name} is signed by none of the keys, so it proves nothing"
                report.findings.append(Finding(FindingKind.SIGNATURE, message))
                continue
            own = document if document.get("type") == CHECKPOINT else document.get("checkpoint")
            end = self._end(report, own, name=path.name)
            entries = (read_entry(each) for each in _items(document, "entries"))
            found += [*([end] if end else [])]
            found += [
                Witness(each.position, each.entry_hash, f"the receipt {path.name}")
                for each in entries
                if each is not None
            ]
        return found

    def _end(self, report: Report, checkpoint: object, *, name: str = "") -> Witness | None:
        """Return what a checkpoint attests, if its signature fits."""
        document = checkpoint if isinstance(checkpoint, dict) else {}
        position, end_hash = document.get("position"), document.get("entry_hash")
        is_signed = document.get("type") == CHECKPOINT and _is_signed(report, document)
        if not is_signed or type(position) is not int or not isinstance(end_hash, str):
            message = "the signature of the checkpoint is invalid"
            report.findings.append(Finding(FindingKind.SIGNATURE, message))
            return None
        which = f"the checkpoint of {document.get('at')}" + (f" in {name}" if name else "")
        return Witness(position, end_hash, which)


def _is_signed(report: Report, document: Document) -> bool:
    return any(key.signed(document) for key in report.keys)


def _misplaced(entry: ReadEntry, last: ReadEntry, known: Sequence[Witness]) -> Iterator[Finding]:
    """Say what is wrong with an entry's place in a receipt."""
    position = entry.position
    if position <= last.position:
        message = f"entry {position} stands after entry {last.position}"
        yield Finding(FindingKind.REORDERED, message, position)
    elif position == last.position + 1 and last.entry_hash not in ("", entry.previous_hash):
        message = f"entry {last.position} was changed: entry {position} was sealed after another"
        yield Finding(FindingKind.CHANGED, message, last.position)
    for witness in known:
        if witness.position == position and witness.entry_hash != entry.entry_hash:
            message = f"entry {position} is not what {witness.name} attests"
            yield Finding(FindingKind.REWRITTEN, message, position)


def _check_text(report: Report, found: object) -> str:
    """Hold a text to its hash, and return the hash."""
    document = found if isinstance(found, dict) else {}
    stated, words = str(document.get("sha256")), document.get("text")
    if not isinstance(words, str) or _hash_or_none(words) != stated:
        message = f"the text {stated[:12]}… was changed: it does not match its hash"
        report.findings.append(Finding(FindingKind.CHANGED, message))
    return stated


def _hash_or_none(words: str) -> str | None:
    try:
        return text_hash(words)
    except UnicodeEncodeError:
        return None


def _note_text(named: dict[str, int], record: object) -> None:
    """Remember the first entry that names a text."""
    entry = record.get("entry") if isinstance(record, dict) else None
    event = entry.get("event") if isinstance(entry, dict) else None
    name = event.get("text_sha256") if isinstance(event, dict) else None
    if isinstance(entry, dict) and isinstance(name, str):
        named.setdefault(name, entry.get("position", 0))


def _missing_texts(named: dict[str, int], texts: set[str]) -> list[Finding]:
    return [
        Finding(FindingKind.MISSING, f"the text of entry {position} is missing", position)
        for name, position in named.items()
        if name not in texts
    ]


def _items(document: Document, name: str) -> list[Any]:
    found = document.get(name)
    return found if isinstance(found, list) else []


def _parse(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _whole(path: Path) -> Document:
    """Read a file that is one JSON object, no ledger."""
    try:
        found = _parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict) or found.get("type") not in (RECEIPT, CHECKPOINT):
        raise UnreadableFileError(f"{path.name} is not a receipt, a checkpoint or a ledger")
    return found


@contextmanager
def _open(path: Path) -> Iterator[Iterator[str]]:
    try:
        with path.open(encoding="utf-8") as file:
            yield iter(file)
    except (OSError, UnicodeDecodeError):
        raise UnreadableFileError(f"{path.name} is not a readable text file") from None
