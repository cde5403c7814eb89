"""Administrators find people however a name or address is written, on both databases alike."""

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from sqlalchemy import Engine, text

from service.domain.search import search_form
from tests.scenario import Scenario

PEOPLE = {
    "ada@example.org": "Antonín Dvořák",
    "BOB@Example.org": "STRAẞE Groß",
    "eve@münchen.example": "Ѐлена ЙОРДАНОВА",
    "finn@example.org": "Øystein Łukasz",
    "gil@example.org": "100% ΟΔΟΣ",
}


@pytest.fixture
def people(scenario: Scenario) -> Scenario:
    for email, name in PEOPLE.items():
        scenario.sign_up(
            email, name=name, attributes={"city": "Århus"} if "finn" in email else None
        )
    return scenario


def found(scenario: Scenario, q: str) -> list[str]:
    page = scenario.services.subscribers.page(text=q, limit=50)
    return [each.info.email.partition("@")[0].lower() for each in page.items]


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("dvorak", ["ada"]),
        ("DVOŘÁK", ["ada"]),
        (unicodedata.normalize("NFD", "Dvořák"), ["ada"]),
        ("".join(chr(ord(char) + 0xFEE0) for char in "DVORAK"), ["ada"]),
        ("bob@example.org", ["bob"]),
        ("strasse", ["bob"]),
        ("groß", ["bob"]),
        ("münchen", ["eve"]),
        ("eve@MÜNCHEN.example", ["eve"]),
        ("munchen.example", ["eve"]),
        ("xn--mnchen-3ya", ["eve"]),
        ("xn--mnchen-3ya.example", ["eve"]),
        ("йорданова", ["eve"]),
        ("oystein", ["finn"]),
        ("łukasz", ["finn"]),
        ("arhus", ["finn"]),
        ("ÅRHUS", ["finn"]),
        ("οδος", ["gil"]),
        ("100%", ["gil"]),
        ("%", ["gil"]),
        ("_", []),
        ("dvorakova", []),
    ],
)
def test_case_accents_and_spelling_do_not_matter(people: Scenario, q: str, names: list[str]):
    assert found(people, q) == names


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    strategies.text(
        strategies.characters(max_codepoint=0x24FF, exclude_categories=["Cs", "Cn"]).filter(
            lambda char: char != "\0"
        ),
        max_size=20,
    )
)
def test_the_databases_function_is_ours(engine: Engine, written: str):
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT search_form(:text)"), {"text": written}) == (
            search_form(written)
        )
