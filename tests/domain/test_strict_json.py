"""Which texts are JSON."""

import pytest

from service.domain.strict_json import read_json


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}), ("1e308", 1e308), ('"é"', "é")],
)
def test_json_is_read(text, value):
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", "NaN", "[-Infinity]", "1e309", '{"a": -1e999}', "[" * 100_000]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_json(text)
