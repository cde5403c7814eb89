"""The ledger's format as docs/ledger.md tells it, and every way to tamper with an export."""

import json
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.domain.ledger.canonical import canonical
from service.domain.ledger.check import FindingKind
from service.domain.ledger.format import (
    GENESIS_HASH,
    Head,
    LedgerEvent,
    checkpoint_document,
    commitment,
    commitments,
    entry_document,
    entry_hash,
    text_hash,
    utc,
)
from service.signing import PublicKey, Signer, seed_of
from service.usecases.ledger.verify import Report, UnreadableFileError, VerifyReceipts
from tests.ledger_checker import check

DOCS = (Path(__file__).parents[3] / "docs" / "ledger.md").read_text()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGNER, OTHER = Signer(b"\1" * 32), Signer(b"\2" * 32)
WORDS = "By subscribing you agree.\nÄ 😀"
SIZE = 20
Lines = list[dict[str, Any]]
CHANGED, MISSING, REWRITTEN = FindingKind.CHANGED, FindingKind.MISSING, FindingKind.REWRITTEN


def block(name: str) -> str:
    found = re.search(rf"```{name}\n(.*?)\n```", DOCS, re.DOTALL)
    assert found is not None
    return found[1]


def entry(position: int, previous: str, **changes: Any) -> dict[str, Any]:
    at = NOON + timedelta(minutes=position)
    personal = {"email": f"reader{position}@example.org", "source": "/form"}
    salt = f"{position:064x}"
    event = LedgerEvent(
        **{
            "id": UUID(int=position),
            "kind": "requested",
            "at": at,
            "subscriber_id": UUID(int=position % 3),
            "mailing_list_id": UUID(int=7),
            "epoch": 1,
            "locale": None,
            "text_version": "2",
            "text_sha256": text_hash(WORDS),
            "personal": personal,
            **changes,
        }
    )
    document = entry_document(
        event,
        position=position,
        previous_hash=previous,
        sealed_at=at,
        committed=commitments(salt, personal),
    )
    return {
        "entry": document,
        "entry_hash": entry_hash(document),
        "salt": salt,
        "disclosed": personal,
    }


def chain(
    size: int = SIZE, *, first: int = 1, previous: str = GENESIS_HASH, **changes: Any
) -> Lines:
    records: Lines = []
    for position in range(first, size + 1):
        records.append(entry(position, previous, **changes))
        previous = records[-1]["entry_hash"]
    return records


def checkpoint(records: Lines, *, signer: Signer = SIGNER) -> dict[str, Any]:
    last = records[-1]
    head = Head(position=last["entry"]["position"], entry_hash=last["entry_hash"])
    return signer.sign(checkpoint_document(head, at=NOON))


def ledger() -> Lines:
    """Header, one text, entries 1 to 20 (`lines[n + 1]` is entry n), checkpoint."""
    records = chain()
    header = {
        "type": "newsflash-ledger",
        "format": 1,
        "exported_at": utc(NOON),
        "public_key": SIGNER.public_key.jwk(),
    }
    text = {"sha256": text_hash(WORDS), "text": WORDS}
    return [header, text, *records, checkpoint(records)]


def resealed(lines: Lines, first: int) -> None:
    """Compute all hashes from entry `first` on anew, as someone who knows the format would."""
    previous = lines[first]["entry_hash"] if first > 1 else GENESIS_HASH
    for record in lines[first + 1 : -1]:
        record["entry"]["previous_hash"] = previous
        previous = record["entry_hash"] = entry_hash(record["entry"])


def text_of(lines: Lines) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def verify(
    folder: Path,
    document: Lines | dict[str, Any],
    *kept: dict[str, Any],
    keys: Sequence[PublicKey] = (SIGNER.public_key,),
) -> Report:
    path = folder / "file"
    path.write_text(text_of(document) if isinstance(document, list) else json.dumps(document))
    paths = []
    for number, each in enumerate(kept):
        paths.append(folder / f"kept-{number}.json")
        paths[-1].write_text(json.dumps(each))
    return VerifyReceipts(public_keys=keys, kept=paths)(path)


def found(report: Report) -> list[tuple[FindingKind, int | None]]:
    return [(each.kind, each.position) for each in report.findings]


def test_the_example_in_the_docs_is_what_the_service_makes(tmp_path: Path):
    path = tmp_path / "ledger.ndjson"
    path.write_text(block("ndjson") + "\n")
    signer = Signer(seed_of(block("seed")))
    report = VerifyReceipts(public_keys=[signer.public_key])(path)
    assert (report.entries, report.findings) == (3, [])
    assert check(block("ndjson"), signer.public_key.jwk()) == set()

    lines = [json.loads(line) for line in block("ndjson").splitlines()]
    key, message, value = block("commitment").splitlines()
    assert commitment(key, *json.loads(message)) == value
    assert lines[2]["entry"]["commitments"]["email"] == value
    assert canonical(json.loads(message)).decode() == message
    form, hashed = block("entry").splitlines()
    assert canonical(lines[2]["entry"]).decode() == form
    assert lines[2]["entry_hash"] == entry_hash(json.loads(form)) == hashed
    unsigned = {name: each for name, each in lines[-1].items() if name != "signature"}
    assert canonical(unsigned).decode() == block("checkpoint")
    assert signer.sign(unsigned) == lines[-1]


def test_the_key_and_its_name_are_those_of_rfc_8037_appendix_a():
    key = Signer(seed_of(block("seed"))).public_key
    assert key.x == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert PublicKey.parse(key.x) == PublicKey.parse(json.dumps(key.jwk())) == (key,)
    keys = {"keys": [{"kty": "RSA"}, key.jwk(), OTHER.public_key.jwk()]}
    assert PublicKey.parse(json.dumps(keys)) == (key, OTHER.public_key)


def test_any_other_text_stands_for_its_hash():
    assert len(seed_of("not hex " * 5)) == 32
    assert seed_of("AB" * 32) == seed_of("ab" * 32) == b"\xab" * 32


def test_a_whole_ledger_is_good_with_and_without_personal_fields(tmp_path: Path):
    lines = ledger()
    assert verify(tmp_path, lines).findings == []
    assert check(text_of(lines)) == set()
    for record in lines[2:-1]:
        del record["salt"], record["disclosed"]
    assert verify(tmp_path, lines).findings == []
    assert check(text_of(lines)) == set()


def remove(*positions: int) -> Callable[[Lines], None]:
    def act(lines: Lines) -> None:
        for position in sorted(positions, reverse=True):
            del lines[position + 1]

    return act


def swap(one: int, other: int) -> Callable[[Lines], None]:
    def act(lines: Lines) -> None:
        lines[one + 1], lines[other + 1] = lines[other + 1], lines[one + 1]

    return act


def move(position: int, to: int) -> Callable[[Lines], None]:
    def act(lines: Lines) -> None:
        lines.insert(to + 1, lines.pop(position + 1))

    return act


def change_event(lines: Lines) -> None:
    lines[8]["entry"]["event"]["at"] = utc(NOON)


def change_event_and_its_hash(lines: Lines) -> None:
    change_event(lines)
    lines[8]["entry_hash"] = entry_hash(lines[8]["entry"])


def change_hash_alone(lines: Lines) -> None:
    lines[8]["entry_hash"] = "f" * 64


def change_position(lines: Lines) -> None:
    lines[8]["entry"]["position"] = 700


def change_value(lines: Lines) -> None:
    lines[8]["disclosed"]["email"] = "mallory@example.org"


def change_value_and_commitment(lines: Lines) -> None:
    change_value(lines)
    made = commitment(lines[8]["salt"], "email", "mallory@example.org")
    lines[8]["entry"]["commitments"]["email"] = made


def change_value_and_all_that_follows(lines: Lines) -> None:
    change_value_and_commitment(lines)
    resealed(lines, 7)


def renumber_after_removal(lines: Lines) -> None:
    del lines[8]
    for position, record in enumerate(lines[2:-1], start=1):
        record["entry"]["position"] = position
    resealed(lines, 1)


def drop_tail_and_checkpoint_of_another_key(lines: Lines) -> None:
    del lines[16:]
    lines.append(checkpoint(lines[2:], signer=OTHER))


def repeat(lines: Lines) -> None:
    lines.insert(12, deepcopy(lines[8]))


def add_beyond(lines: Lines) -> None:
    lines.insert(-1, entry(SIZE + 1, lines[-2]["entry_hash"]))


def change_text(lines: Lines) -> None:
    lines[1]["text"] = "You agree to anything."


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (change_event, [(CHANGED, 7)]),
        (change_event_and_its_hash, [(CHANGED, 7)]),
        (change_hash_alone, [(CHANGED, 7)]),
        (change_position, [(CHANGED, 7)]),
        (change_value, [(CHANGED, 7)]),
        (change_value_and_commitment, [(CHANGED, 7)]),
        (change_value_and_all_that_follows, [(REWRITTEN, SIZE)]),
        (remove(7), [(MISSING, 7)]),
        (remove(1), [(MISSING, 1)]),
        (remove(7, 8, 12), [(MISSING, 7), (MISSING, 12)]),
        (renumber_after_removal, [(MISSING, SIZE)]),
        (swap(7, 8), [(FindingKind.REORDERED, 8)]),
        (swap(7, 15), [(FindingKind.REORDERED, 15), (FindingKind.REORDERED, 7)]),
        (move(7, 15), [(FindingKind.REORDERED, 7)]),
        (move(15, 7), [(FindingKind.REORDERED, 15)]),
        (move(20, 1), [(FindingKind.REORDERED, 20)]),
        (move(1, 20), [(FindingKind.REORDERED, 1)]),
        (remove(20), [(MISSING, 20)]),
        (remove(18, 19, 20), [(MISSING, 18)]),
        (repeat, [(FindingKind.REPEATED, 7)]),
        (add_beyond, [(FindingKind.ADDED, SIZE + 1)]),
        (change_text, [(CHANGED, None)]),
        (drop_tail_and_checkpoint_of_another_key, [(FindingKind.SIGNATURE, None)]),
    ],
)
def test_what_was_tampered_with_is_found_and_named(
    tamper: Callable[[Lines], None], expected: list[tuple[FindingKind, int | None]], tmp_path: Path
):
    lines = ledger()
    tamper(lines)
    assert found(verify(tmp_path, lines)) == expected
    assert check(text_of(lines), SIGNER.public_key.jwk())


def test_a_ledger_turned_round_is_told_entry_by_entry(tmp_path: Path):
    records = chain(3000)
    lines = [ledger()[0], ledger()[1], *reversed(records), checkpoint(records)]
    report = verify(tmp_path, lines)
    assert {each.kind for each in report.findings} == {FindingKind.REORDERED}
    assert {each.position for each in report.findings} == set(range(2, 3001))


def test_the_message_names_the_entry_and_the_field(tmp_path: Path):
    lines = ledger()
    change_value(lines)
    del lines[12]
    assert [each.message for each in verify(tmp_path, lines).findings] == [
        "entry 7 was changed: its email is not the one that was sealed",
        "entry 11 is missing",
    ]


def test_a_tail_cut_off_with_a_fresh_checkpoint_shows_against_an_older_one(tmp_path: Path):
    lines = ledger()
    older = lines[-1]
    del lines[17:]
    lines.append(checkpoint(lines[2:]))
    assert verify(tmp_path, lines).findings == []
    report = verify(tmp_path, lines, older)
    assert found(report) == [(MISSING, 16)]
    assert "entries 16 to 20 are missing at the tail" in report.findings[0].message


def test_a_ledger_put_together_anew_and_signed_anew_shows_between_two_witnesses(tmp_path: Path):
    lines = ledger()
    early, late = checkpoint(lines[2:7]), checkpoint(lines[2:14])
    change_value_and_all_that_follows(lines)
    lines[-1] = checkpoint(lines[2:-1])
    assert verify(tmp_path, lines).findings == []
    assert verify(tmp_path, lines, early).findings == []
    report = verify(tmp_path, lines, early, late)
    assert found(report) == [(REWRITTEN, 12)]
    assert "one or more of entries 6 to 12" in report.findings[0].message


def test_a_checkpoint_of_another_key_is_no_witness(tmp_path: Path):
    lines = ledger()
    report = verify(tmp_path, lines, checkpoint(lines[2:-1], signer=OTHER))
    assert found(report) == [(FindingKind.SIGNATURE, None)]


def test_after_a_change_of_keys_either_may_have_signed(tmp_path: Path):
    """The ledger is exported under the new key; what was kept from before is of the old one."""
    lines = ledger()
    old = [checkpoint(lines[2:7]), make_receipt(lines[2:12])]
    lines[0]["public_key"] = OTHER.public_key.jwk()
    lines[-1] = checkpoint(lines[2:-1], signer=OTHER)
    both = (OTHER.public_key, SIGNER.public_key)
    assert found(verify(tmp_path, lines, *old, keys=both)) == []
    kept = [(FindingKind.SIGNATURE, None)] * 2
    assert found(verify(tmp_path, lines, *old, keys=both[:1])) == kept
    assert found(verify(tmp_path, old[1], keys=both)) == []
    rewritten = deepcopy(lines)
    change_value_and_all_that_follows(rewritten)
    rewritten[-1] = checkpoint(rewritten[2:-1], signer=OTHER)
    assert (REWRITTEN, 7) in found(verify(tmp_path, rewritten, *old, keys=both))


def test_a_ledger_without_its_checkpoint_may_lack_its_tail(tmp_path: Path):
    assert found(verify(tmp_path, ledger()[:-1])) == [(MISSING, None)]


def test_a_ledger_that_brings_another_key_is_not_believed(tmp_path: Path):
    lines = ledger()
    lines[0]["public_key"] = OTHER.public_key.jwk()
    assert found(verify(tmp_path, lines)) == [(FindingKind.SIGNATURE, None)]


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"entry": 1}', '{"entry": {}, "entry_hash": "x"}', "[" * 100_000]
)
def test_a_line_that_is_no_entry_is_told(line: str, tmp_path: Path):
    path = tmp_path / "file"
    lines = text_of(ledger()).splitlines()
    lines[8] = line
    path.write_text("\n".join(lines))
    report = VerifyReceipts()(path)
    assert found(report) == [(FindingKind.UNREADABLE, None), (MISSING, 7)]


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"type": "other"}'])
def test_a_file_that_is_none_of_ours_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match="file is n"):
        VerifyReceipts()(path)


def make_receipt(records: Lines) -> dict[str, Any]:
    return SIGNER.sign(
        {
            "type": "newsflash-receipt",
            "format": 1,
            "texts": [{"sha256": text_hash(WORDS), "text": WORDS}],
            "entries": [record for record in records if record["entry"]["position"] % 3 == 1],
            "unsealed": [],
            "checkpoint": checkpoint(records),
            "public_key": SIGNER.public_key.jwk(),
        }
    )


def test_a_receipt_is_good_and_a_witness_of_its_entries(tmp_path: Path):
    lines = ledger()
    receipt = make_receipt(lines[2:-1])
    assert verify(tmp_path, receipt).findings == []
    assert verify(tmp_path, lines, receipt).findings == []
    resealed_lines = deepcopy(lines)
    change_value_and_all_that_follows(resealed_lines)
    resealed_lines[-1] = checkpoint(resealed_lines[2:-1])
    report = verify(tmp_path, resealed_lines, receipt)
    assert found(report)[0] == (REWRITTEN, 7)
    assert "one or more of entries 5 to 7" in report.findings[0].message


@pytest.mark.parametrize("path", ["entries", "texts", "checkpoint", "public_key"])
def test_a_receipt_that_was_changed_is_not_believed(path: str, tmp_path: Path):
    receipt = make_receipt(chain())
    if path == "entries":
        receipt["entries"][2]["disclosed"]["email"] = "mallory@example.org"
        expected = [(FindingKind.SIGNATURE, None), (CHANGED, 7)]
    elif path == "texts":
        receipt["texts"][0]["text"] = "Anything."
        expected = [(FindingKind.SIGNATURE, None), (CHANGED, None)]
    elif path == "checkpoint":
        receipt["checkpoint"]["position"] = 7
        expected = [(FindingKind.SIGNATURE, None), (FindingKind.SIGNATURE, None)]
    else:
        receipt["public_key"] = OTHER.public_key.jwk()
        expected = [(FindingKind.SIGNATURE, None), (FindingKind.SIGNATURE, None)]
    assert found(verify(tmp_path, receipt)) == expected


def test_a_receipt_beyond_its_checkpoint_or_against_another_is_not_believed(tmp_path: Path):
    records = chain()
    receipt = make_receipt(records)
    del receipt["signature"]
    receipt["checkpoint"] = checkpoint(records[:10])
    assert found(verify(tmp_path, SIGNER.sign(receipt)))[:1] == [(FindingKind.ADDED, 13)]
    forged = make_receipt(chain(locale="de"))
    assert (REWRITTEN, 19) in found(verify(tmp_path, forged, make_receipt(records)))
