"""What the service imports is what an install without the tests' extras brings along."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
OWN = {"service", "migrations"}


def imported() -> set[str]:
    names: set[str] = set()
    for folder in OWN:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    return names - OWN - set(sys.stdlib_module_names)


def test_everything_imported_is_declared_for_the_service():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = {
        canonicalize_name(Requirement(text).name)
        for text in (*project["dependencies"], *extras["postgres"], *extras["redis"])
    }
    homes = packages_distributions()
    missing = {
        name
        for name in imported()
        if not {canonicalize_name(home) for home in homes.get(name, ())} & declared
    }
    assert missing == set()
