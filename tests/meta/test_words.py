"""What users read is in plain English: words that nobody would say there stay out.

Looked through are the templates, the command line's help, every text in the code that is a
sentence, the HTTP contract and the documentation. Code within them (names, SQL, code spans and
blocks) is not looked at.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from service.cli import main

ROOT = Path(__file__).parents[2]
AVOIDED = (
    "anew",
    "barred",
    "besides",
    "e-mails?",
    "fares?",
    "leavers?",
    "mails",
    "mend(?:ed|ing|s)?",
    "no more",
    "owe[ds]?",
    "told",
    "whoever",
)
_NAMES = re.compile(r"%\(\w+\)s|\s(?:aria-labelledby|class|for|id|name)=\"[^\"]*\"")
"""Placeholders, and attributes whose values are names."""
_PIECES = re.compile(r"({[{%#].*?[}%#]})|((?:[^{]|{(?![{%#]))+)", re.DOTALL)
"""A template's tags, and the text between them."""
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_AVOIDED = re.compile(rf"\b({'|'.join(AVOIDED)})\b", re.IGNORECASE)

FINE_IN_DOCSTRINGS = frozenset({"e-mail", "leavers", "mails", "no more"})
"""Names of the code, and "no more than"."""
FLOORS = ("cli", "config", "domain", "mail", "oidc", "schemas", "usecases", "web", "webhooks")
"""Where texts for people are written. `store` holds SQL."""
WORD_LISTS = ("domain/files/cells.py", "domain/files/meanings.py", "domain/files/titles.py")
"""What other tools write in their files, in many languages."""


def _is_sentence(text: str) -> bool:
    return " " in text.strip()


def _code_texts() -> Iterator[tuple[str, str]]:
    """Go through the texts of the code: those of more than one word, and no docstrings."""
    for floor in FLOORS:
        for path in sorted((ROOT / "service" / floor).rglob("*.py")):
            name = str(path.relative_to(ROOT / "service"))
            if name in WORD_LISTS:
                continue
            tree = ast.parse(path.read_text())
            alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if not isinstance(node, ast.Constant) or id(node) in alone:
                    continue
                if isinstance(node.value, str) and _is_sentence(node.value):
                    yield f"service/{name}", node.value


def _docstrings() -> Iterator[tuple[str, str]]:
    """Go through every docstring, without code spans; those of attributes too."""
    for path in sorted((ROOT / "service").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            value = node.value if isinstance(node, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield str(path.relative_to(ROOT)), re.sub(r"`[^`]*`", "", value.value)


def _template_texts() -> Iterator[tuple[str, str]]:
    """Go through the templates: their own text, and the texts within their tags."""
    for path in sorted((ROOT / "service").rglob("templates/**/*")):
        if path.is_dir():
            continue
        name = str(path.relative_to(ROOT))
        for tag, text in _PIECES.findall(path.read_text()):
            quoted = ("".join(pair) for pair in _QUOTED.findall(tag))
            yield name, _NAMES.sub("", text or " | ".join(filter(_is_sentence, quoted)))


def _help_texts() -> Iterator[tuple[str, str]]:
    """Go through the help of every command and of its options."""

    def of(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
        yield context.command_path, command.help or ""
        for parameter in command.params:
            yield context.command_path, getattr(parameter, "help", None) or ""
        for name in command.list_commands(context) if isinstance(command, click.Group) else ():
            inner = command.get_command(context, name)  # type: ignore[attr-defined] # a group
            assert inner is not None
            yield from of(inner, click.Context(inner, parent=context, info_name=name))

    yield from of(main, click.Context(main, info_name="newsflash"))


def _documents() -> Iterator[tuple[str, str]]:
    """Go through the documentation, without code blocks and code spans."""
    for pattern in ("*.md", "docs/**/*.md"):
        for path in sorted(ROOT.glob(pattern)):
            prose = re.sub(
                r"^```.*?^```|^ {4}.*?$|`[^`\n]*`", "", path.read_text(), flags=re.S | re.M
            )
            yield str(path.relative_to(ROOT)), prose
    yield ".env.example", (ROOT / ".env.example").read_text()
    lines = (ROOT / "openapi.yaml").read_text().splitlines()
    yield from (
        ("openapi.yaml", re.sub(r"`[^`]*`", "", line)) for line in lines if " " in line.strip()
    )


def found_in(texts: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the place and the word of each that is avoided."""
    return [(place, word.lower()) for place, text in texts for word in _AVOIDED.findall(text)]


@pytest.mark.parametrize("texts", [_code_texts, _template_texts, _help_texts, _documents])
def test_what_users_read_is_plain(texts):
    assert len(list(texts())) > 100
    assert found_in(texts()) == []


def test_what_engineers_read_is_plain():
    texts = list(_docstrings())
    assert len(texts) > 1000
    words = [pair for pair in found_in(iter(texts)) if pair[1] not in FINE_IN_DOCSTRINGS]
    assert words == []


@pytest.mark.parametrize(
    "text",
    [
        "Please sign up anew.",
        "It is Owed since Monday.",
        "No more mails.",
        "Mend the reason.",
        "E-mail",
    ],
)
def test_a_word_to_avoid_is_found(text: str):
    assert found_in(iter([("somewhere", text)]))


@pytest.mark.parametrize("text", ["A recommended amendment.", "Welfare allowed", "towed", "email"])
def test_a_word_within_another_is_none(text: str):
    assert found_in(iter([("somewhere", text)])) == []
