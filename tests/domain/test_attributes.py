"""How much may be kept beside a person."""

from typing import Any

import pytest

from service.domain.attributes import (
    MAX_ATTRIBUTES,
    MAX_ATTRIBUTES_BYTES,
    attributes_bytes,
    check_attributes,
)
from service.domain.errors import InvalidInputError

FRAME = len('{"a": ""}')


@pytest.mark.parametrize("char", ["x", "é", "語", "\N{PARTY POPPER}"])
def test_attributes_are_measured_in_bytes_of_their_json(char: str):
    size = len(char.encode())
    count = (MAX_ATTRIBUTES_BYTES - FRAME) // size
    largest = {"a": char * count + "x" * ((MAX_ATTRIBUTES_BYTES - FRAME) % size)}
    assert attributes_bytes(largest) == MAX_ATTRIBUTES_BYTES
    check_attributes(largest)
    with pytest.raises(InvalidInputError, match=f"at most {MAX_ATTRIBUTES_BYTES} bytes") as refused:
        check_attributes({"a": largest["a"] + "x"})
    assert refused.value.field == "attributes"


def test_a_number_counts_as_it_is_written_into_a_file():
    value: dict[str, Any] = {"a": 1e300}
    assert attributes_bytes(value) == len('{"a": }') + 301
    with pytest.raises(InvalidInputError):
        check_attributes({"a": [1e300] * 40})


def test_names_are_counted():
    check_attributes({str(number): "" for number in range(MAX_ATTRIBUTES)})
    with pytest.raises(InvalidInputError, match=f"at most {MAX_ATTRIBUTES} names"):
        check_attributes({str(number): "" for number in range(MAX_ATTRIBUTES + 1)})
