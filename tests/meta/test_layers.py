"""The house rules: which way imports point, and how large a module may grow."""

import ast
from pathlib import Path

from importlinter.application.use_cases import lint_imports
from importlinter.cli import EXIT_STATUS_SUCCESS  # noqa: F401 - configures import-linter's ports

ROOT = Path(__file__).parents[2]
MAX_LINES = 300


def test_imports_point_down_only():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)


def test_no_module_outgrows_a_reader():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for folder in ("service", "migrations")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert len(lengths) > 50
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_migrations_never_import_the_service():
    """A migration says what was, the service what is."""
    paths = list((ROOT / "migrations").rglob("*.py"))
    assert len(paths) > 20
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not any(name.partition(".")[0] == "service" for name in names), path.name


def test_only_use_cases_and_commands_commit():
    """Views and the store work within a transaction that someone else began."""
    for folder in ("store", "web", "mail", "domain"):
        paths = list((ROOT / "service" / folder).rglob("*.py"))
        assert len(paths) > 10
        for path in paths:
            source = path.read_text()
            assert ".commit()" not in source, path
            if folder != "store":
                assert "engine.begin" not in source, path
