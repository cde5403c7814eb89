"""What is logged of an unexpected error: where it happened, and nothing that it was about."""

import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from service.domain.address import parse_address
from service.domain.errors import AddressError
from service.log import error_fields

ADDRESS = "ann@secret.example"


def _raise(error: BaseException, *, after: BaseException, openly: bool = True) -> None:
    try:
        raise after
    except type(after):
        if openly:
            raise error  # noqa: B904 - the very case
        raise error from None


def test_the_kinds_of_the_whole_chain_are_told_and_no_message():
    cause = sqlite3.IntegrityError(f"no such row: {ADDRESS}")
    error = OperationalError(f"SELECT '{ADDRESS}'", {"email": ADDRESS}, cause)
    with pytest.raises(OperationalError) as caught:
        _raise(error, after=cause)
    fields = error_fields(caught.value)
    assert (fields["error"], fields["caused_by"]) == ("OperationalError", ["IntegrityError"])
    assert ADDRESS not in str(fields)
    assert "SELECT" not in str(fields)


@pytest.mark.parametrize(("openly", "causes"), [(True, ["KeyError"]), (False, [])])
def test_an_error_raised_while_another_was_handled_names_both(openly: bool, causes: list[str]):
    with pytest.raises(ValueError, match="secret") as caught:
        _raise(ValueError(ADDRESS), after=KeyError(ADDRESS), openly=openly)
    assert error_fields(caught.value)["caused_by"] == causes


def test_the_frames_are_our_own_code_from_the_outside_in():
    with pytest.raises(AddressError) as caught:
        parse_address(f"{ADDRESS} {ADDRESS}")
    fields = error_fields(caught.value)
    assert fields["frames"]
    assert all(frame.startswith("service/domain/address.py:") for frame in fields["frames"])
    assert fields["frames"][0].endswith(" parse_address")
    assert ADDRESS not in str(fields)


def test_an_error_that_is_its_own_cause_ends():
    error = ValueError("loop")
    error.__cause__ = error
    assert error_fields(error)["error"] == "ValueError"
