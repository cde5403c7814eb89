"""Checking a ledger: which entry was changed, removed, moved or cut off the tail.

Entries are fed in the order in which they stand; nothing but the newest one is kept, so a ledger of
any length can be checked. A witness (a checkpoint, an entry in a receipt) names the hash that one
position had when it was signed: it shows what a rebuilt chain cannot.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from service.domain.ledger.canonical import CanonicalError
from service.domain.ledger.format import (
    FORMAT,
    GENESIS_HASH,
    PERSONAL_FIELDS,
    Document,
    commitment,
    entry_hash,
)


class FindingKind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    MISSING = "missing"
    REORDERED = "reordered"
    REPEATED = "repeated"
    ADDED = "added"
    REWRITTEN = "rewritten"
    UNREADABLE = "unreadable"
    SIGNATURE = "signature"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, for a person to read; `position` where it is about one entry."""

    kind: FindingKind
    message: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """What a signed document says of one position. `name` tells a person which document."""

    position: int
    entry_hash: str
    name: str


@dataclass(frozen=True, slots=True)
class ReadEntry:
    """An entry as it stands in a file, and what is wrong within it."""

    position: int
    previous_hash: str
    entry_hash: str
    is_intact: bool = True
    """What it says gives its hash."""
    findings: tuple[Finding, ...] = ()


def read_entry(record: object) -> ReadEntry | None:
    """Read and check one entry by itself; None where it is none."""
    if not isinstance(record, Mapping):
        return None
    entry, stated = record.get("entry"), record.get("entry_hash")
    if not isinstance(entry, dict) or not isinstance(stated, str):
        return None
    position, previous = entry.get("position"), entry.get("previous_hash")
    if type(position) is not int or position < 1 or not isinstance(previous, str):
        return None
    is_intact = _has_hash(entry, stated)
    why = [] if is_intact else ["its content does not match its hash"]
    why += [
        f"its {name} is not the one that was sealed"
        for name in _wrongly_disclosed(record, entry.get("commitments"))
    ]
    findings = tuple(_changed(position, each) for each in why)
    return ReadEntry(position, previous, stated, is_intact, findings)


def _has_hash(entry: Document, stated: str) -> bool:
    try:
        return entry.get("format") == FORMAT and entry_hash(entry) == stated
    except CanonicalError:
        return False


def _wrongly_disclosed(record: Mapping[str, Any], committed: object) -> list[str]:
    """Return the personal fields that are shown and do not fit what stands in the chain."""
    disclosed, salt = record.get("disclosed"), record.get("salt")
    if not disclosed:
        return []
    if not isinstance(disclosed, dict) or not isinstance(committed, dict):
        return ["disclosure"]
    wrong = [name for name in disclosed if name not in PERSONAL_FIELDS]
    for name, value in disclosed.items():
        try:
            found = commitment(salt or "", name, value)
        except (TypeError, ValueError):
            wrong.append(name)
            continue
        if name not in wrong and found != committed.get(name):
            wrong.append(name)
    return wrong


class ChainCheck:
    """Checks entries as they are fed; `finish` returns all that is wrong."""

    def __init__(self, witnesses: Iterable[Witness] = ()) -> None:
        """`witnesses` are what signed documents from elsewhere say of single positions."""
        self._witnesses: dict[int, list[Witness]] = defaultdict(list)
        for witness in witnesses:
            self._witnesses[witness.position].append(witness)
        self._last = ReadEntry(0, "", GENESIS_HASH)
        self._held: ReadEntry | None = None
        self._early: dict[int, ReadEntry] = {}
        self._gaps: list[tuple[int, int]] = []
        self._attested = 0
        self._findings: list[Finding] = []
        self.count = 0

    def feed(self, record: object) -> None:
        """Take the next entry as it stands in the file."""
        self.count += 1
        entry = read_entry(record)
        if entry is None:
            message = f"line {self.count} of the entries is not an entry"
            self._findings.append(Finding(FindingKind.UNREADABLE, message))
            return
        if self._held is not None:
            self._release(self._held, following=entry)
            self._held = None
        if entry.position > self._last.position + 1:
            self._held = entry  # what comes next tells what this jump is
        else:
            self._place(entry)

    def _release(self, entry: ReadEntry, *, following: ReadEntry) -> None:
        """Place an entry that jumped ahead: over a gap, or out of its order."""
        if entry.is_intact and self._last.position < following.position < entry.position:
            message = f"entry {entry.position} stands before entry {following.position}"
            self._findings.append(Finding(FindingKind.REORDERED, message, entry.position))
            self._early[entry.position] = entry
        elif entry.is_intact or following.position == entry.position + 1:
            self._place(entry)
        else:
            self._place(self._at_its_place(entry))

    def _at_its_place(self, entry: ReadEntry) -> ReadEntry:
        """Return a changed entry at the place it has: the change is in what it says of that."""
        place = self._last.position + 1
        found = _changed(place, f"it says that it is entry {entry.position}")
        return replace(entry, position=place, findings=(found,))

    def _place(self, entry: ReadEntry) -> None:
        """Judge the entry, and then those that stood too early and follow it."""
        following: ReadEntry | None = entry
        while following is not None:
            self._judge(following)
            following = self._early.pop(self._last.position + 1, None)

    def _judge(self, entry: ReadEntry) -> None:
        """Judge the entry by where it stands."""
        self._findings += entry.findings
        last, expected = self._last, self._last.position + 1
        if entry.position < expected:
            self._late(entry)
            return
        if entry.position > expected:
            self._gaps.append((expected, entry.position - 1))
        elif entry.previous_hash != last.entry_hash and entry.is_intact and last.is_intact:
            if last.position == 0:
                found = _changed(entry.position, "it is not the first entry of a ledger")
            else:
                found = _changed(
                    last.position,
                    f"it is not the one after which entry {entry.position} was sealed",
                )
            self._findings.append(found)
        self._last = entry
        self._compare(entry)

    def _late(self, entry: ReadEntry) -> None:
        for place, (first, last) in enumerate(self._gaps):
            if first <= entry.position <= last:
                around = ((first, entry.position - 1), (entry.position + 1, last))
                self._gaps[place : place + 1] = [gap for gap in around if gap[0] <= gap[1]]
                message = f"entry {entry.position} stands after entry {self._last.position}"
                self._findings.append(Finding(FindingKind.REORDERED, message, entry.position))
                self._compare(entry)
                return
        message = f"entry {entry.position} stands there more than once"
        self._findings.append(Finding(FindingKind.REPEATED, message, entry.position))

    def _compare(self, entry: ReadEntry) -> None:
        """Hold an entry to what witnesses say of its position."""
        for witness in self._witnesses.get(entry.position, ()):
            self._attest(entry, witness)

    def _attest(self, entry: ReadEntry, witness: Witness) -> None:
        if witness.entry_hash == entry.entry_hash:
            self._attested = max(self._attested, entry.position)
            return
        first, last = self._attested + 1, entry.position
        which = (
            f"entry {last} is" if first == last else f"one or more of entries {first} to {last} are"
        )
        message = f"{which} not what {witness.name} attests: rewritten since"
        self._findings.append(Finding(FindingKind.REWRITTEN, message, last))

    def finish(self, own: Witness | None = None) -> list[Finding]:
        """Return all findings. `own` is the checkpoint at the end of the same file."""
        if self._held is not None:
            self._place(self._held)
        while self._early:
            self._place(self._early.pop(min(self._early)))
        self._findings += [
            Finding(FindingKind.MISSING, f"{_range(first, last)} missing", first)
            for first, last in self._gaps
        ]
        end = self._last.position
        if own is not None and own.position == end and end > 0:
            self._attest(self._last, own)
        elif own is not None and own.position < end:
            message = f"{_range(own.position + 1, end)} beyond {own.name}"
            self._findings.append(Finding(FindingKind.ADDED, message, own.position + 1))
        known = [each for found in self._witnesses.values() for each in found]
        furthest = max(
            [*known, *([own] if own else [])], key=lambda each: each.position, default=None
        )
        if furthest is not None and furthest.position > end:
            message = (
                f"{_range(end + 1, furthest.position)} missing at the tail: "
                f"{furthest.name} names entry {furthest.position}"
            )
            self._findings.append(Finding(FindingKind.MISSING, message, end + 1))
        return self._findings


def _changed(position: int, why: str) -> Finding:
    return Finding(FindingKind.CHANGED, f"entry {position} was changed: {why}", position)


def _range(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
