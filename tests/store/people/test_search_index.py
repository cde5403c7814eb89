"""The search's index: nobody is missed by it, nobody else is read, and it may be missing."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, text

from service.store.database import reading
from service.store.people import search
from service.store.people.subscribers import subscribers_page
from service.usecases.people.search_index import tidy_search_index
from tests.scenario import Scenario

PARTS = [
    "ada",
    "Dvořák",
    "ß",
    "O'Hara",
    'say "hi"',
    "b\\slash",
    "100%",
    "a_b",
    "\t",
    "İ",
    "名前",
]

NAMES = ["ada", "bob", "zoë"]


@pytest.fixture
def without_index(engine: Engine) -> Iterator[None]:
    names = {
        "postgresql": ["DROP INDEX ix_subscribers_search"],
        "sqlite": [
            *(f"DROP TRIGGER subscriber_words_{name}" for name in ("added", "changed", "removed")),
            "DROP TABLE subscriber_words",
            "DROP TABLE subscriber_words_owner",
        ],
    }
    with engine.begin() as connection:
        for statement in names[engine.dialect.name]:
            connection.execute(text(statement))
    yield
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text(f"CREATE INDEX {search.INDEX} ON subscribers {HOW}"))


HOW = "USING gin (search_words(email, name, email_key, attributes) gin_trgm_ops)"


def found(engine: Engine, searched: str) -> list[str]:
    with reading(engine) as connection:
        page = subscribers_page(connection, limit=500, text=searched)
    return [each.email for each in page]


def people(scenario: Scenario, chance: random.Random) -> None:
    for number in range(60):
        words = chance.choices(PARTS, k=3)
        scenario.sign_up(
            f"{chance.choice(NAMES)}{number}@{chance.choice(['münchen', 'x'])}.example",
            name=" ".join(words).strip() or None,
            attributes={"city": "".join(words), "more": {"deep": [words[0], number]}},
        )


@pytest.mark.parametrize("few", [1000, 3])
def test_the_index_misses_nobody(
    scenario: Scenario, engine: Engine, monkeypatch: pytest.MonkeyPatch, few: int
):
    chance = random.Random(13)
    people(scenario, chance)
    texts = {"".join(chance.choices(PARTS, k=chance.randint(1, 3))) for _ in range(60)}
    texts |= {
        "münchen",
        "munchen.example",
        "xn--mnchen",
        "ada1",
        '["ada',
        "deep",
        "@x.exam",
        "city",
    }
    with_index = {each: found(engine, each) for each in texts}
    monkeypatch.setattr(search, "_FEW", few)
    assert {each: found(engine, each) for each in texts} == with_index
    monkeypatch.setattr(search, "has_index", lambda _connection: False)
    assert {each: found(engine, each) for each in texts} == with_index
    assert sum(map(bool, with_index.values())) > 20


def test_it_follows_changes_and_erasure(scenario: Scenario, engine: Engine):
    scenario.sign_up("ada@example.org", name="Lovelace")
    person = scenario.person("ada@example.org").id
    assert found(engine, "lovel") == ["ada@example.org"]
    scenario.services.subscribers.update(person, {"name": "Byron"}, actor="test")
    assert found(engine, "lovel") == []
    assert found(engine, "byro") == ["ada@example.org"]
    scenario.sign_up("ada@example.org", name="King", attributes={"title": "Countess"})
    assert found(engine, "countess") == ["ada@example.org"]
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.connection.driver_connection.execute("VACUUM")  # type: ignore[union-attr]
        assert found(engine, "countess") == ["ada@example.org"]
    tidy_search_index(engine)
    scenario.services.subscribers.erase(person, actor="test")
    assert found(engine, "countess") == []
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            query = text("SELECT count(*) FROM subscriber_words WHERE subscriber_words MATCH :it")
            assert connection.scalar(query, {"it": '"cou"'}) == 0


def test_it_holds_where_the_table_is_written_again(scenario: Scenario, engine: Engine):
    """SQLite may number a table's rows again then (VACUUM; a migration that copies the table)."""
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's index follows its table")
    people(scenario, random.Random(1))
    before = {name: found(engine, name) for name in NAMES}
    with engine.begin() as connection:
        connection.execute(text("UPDATE subscribers SET rowid = 1000000 - rowid"))
    assert {name: found(engine, name) for name in NAMES} == before
    assert all(before.values())


def test_a_whole_address_finds_its_owner_alone(scenario: Scenario, engine: Engine):
    scenario.sign_up("ada@example.org")
    scenario.sign_up("nada@example.org")
    assert found(engine, "ADA@example.org") == ["ada@example.org"]
    assert found(engine, "da@example.org") == ["ada@example.org", "nada@example.org"]


@pytest.mark.usefixtures("without_index")
def test_without_the_index_the_search_finds_the_same(scenario: Scenario, engine: Engine):
    scenario.sign_up("ada@example.org", name="Dvořák")
    assert found(engine, "dvorak") == ["ada@example.org"]
    assert found(engine, "nobody") == []
    tidy_search_index(engine)


def plans(engine: Engine, searched: str) -> list[str]:
    seen: list[str] = []

    def explain(_conn: object, cursor: object, statement: str, given: object, *_: object) -> None:
        if "FROM subscriber" in statement:
            if engine.dialect.name == "postgresql":
                cursor.connection.execute("SET LOCAL enable_seqscan = off")  # type: ignore[attr-defined]
            how = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
            rows = cursor.connection.execute(f"{how} {statement}", given)  # type: ignore[attr-defined]
            seen.append("\n".join(str(row[-1]) for row in rows))

    event.listen(engine, "before_cursor_execute", explain)
    found(engine, searched)
    event.remove(engine, "before_cursor_execute", explain)
    return seen


def test_who_is_searched_for_is_found_by_the_index(scenario: Scenario, engine: Engine):
    people(scenario, random.Random(1))
    seen = plans(engine, "nobody here")
    if engine.dialect.name == "postgresql":
        assert any(search.INDEX in plan for plan in seen)
    else:
        assert any("subscriber_words VIRTUAL TABLE INDEX" in plan for plan in seen)
        assert not [plan for plan in seen if "SCAN subscriber_words_owner" in plan]
        assert not [plan for plan in seen if "SCAN subscribers" in plan]
