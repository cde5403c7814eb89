"""A checker of exported ledgers, written from docs/ledger.md alone: nothing of the service's.

It says no more than at which positions something is wrong; 0 stands for the file as a whole.
"""

import hmac
import json
from base64 import urlsafe_b64decode
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def write(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{write(name)}:{write(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def digest(value):
    return sha256(write(value).encode()).hexdigest()


def unbase64(text):
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_signed(document, jwk):
    rest = {name: value for name, value in document.items() if name != "signature"}
    key = Ed25519PublicKey.from_public_bytes(unbase64(jwk["x"]))
    try:
        key.verify(unbase64(document["signature"]["value"]), write(rest).encode())
    except InvalidSignature:
        return False
    return True


def check(text, jwk=None):
    """Return the positions at which an exported ledger is wrong."""
    wrong = set()
    documents = [json.loads(line) for line in text.splitlines()]
    header, *middle, checkpoint = documents
    jwk = jwk or header["public_key"]
    if header["type"] != "newsflash-ledger" or not is_signed(checkpoint, jwk):
        wrong.add(0)
    records = [each for each in middle if "entry" in each]
    texts = {each["sha256"]: each["text"] for each in middle if "entry" not in each}
    if any(sha256(words.encode()).hexdigest() != name for name, words in texts.items()):
        wrong.add(0)
    before: dict[str, Any] = {"hash": "0" * 64, "position": 0, "whole": True}
    positions = set()
    for record in records:
        entry, stated = record["entry"], record["entry_hash"]
        position, whole = entry["position"], digest(entry) == stated
        if not whole:
            wrong.add(position)
        for name, value in record.get("disclosed", {}).items():
            message = write([name, value]).encode()
            found = hmac.new(bytes.fromhex(record["salt"]), message, sha256).hexdigest()
            if found != entry["commitments"][name]:
                wrong.add(position)
        if entry["event"]["text_sha256"] not in (None, *texts):
            wrong.add(position)
        if position <= before["position"]:
            wrong.add(position)
        elif (
            position == before["position"] + 1
            and entry["previous_hash"] != before["hash"]
            and whole
            and before["whole"]
        ):
            wrong.add(before["position"])
        positions.add(position)
        if position > before["position"]:
            before = {"hash": stated, "position": position, "whole": whole}
    wrong |= set(range(1, max(before["position"], checkpoint["position"]) + 1)) - positions
    if before["position"] == checkpoint["position"] and before["hash"] != checkpoint["entry_hash"]:
        wrong.add(before["position"])
    if before["position"] > checkpoint["position"]:
        wrong |= set(range(checkpoint["position"] + 1, before["position"] + 1))
    return wrong
