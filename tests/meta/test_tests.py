"""The tests themselves: none passes because there was nothing to look at."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
Assigned = ast.Assign | ast.AnnAssign
_SAME_LENGTH = ("sorted", "enumerate", "list", "tuple", "set", "dict", "reversed")


def test_no_test_looks_only_into_what_may_be_empty() -> None:
    """A loop that never runs proves nothing: say first that there is something to go through."""
    looked, found = 0, []
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        known = _filled(tree.body, frozenset())
        for test in tree.body:
            if not isinstance(test, ast.FunctionDef) or not test.name.startswith("test_"):
                continue
            filled = _filled(test.body, known | _parameters(test))
            checks = list(_checks(test, filled, is_sure=True))
            looked += len(checks)
            if checks and not any(checks):
                found.append(f"{path.relative_to(TESTS)}:{test.lineno} {test.name}")
    assert looked > 1000
    assert found == []


def test_a_loop_over_what_may_be_empty_is_found() -> None:
    def sure(source: str) -> list[bool]:
        (test,) = ast.parse(source).body
        assert isinstance(test, ast.FunctionDef)
        return list(_checks(test, _filled(test.body, frozenset({"KNOWN"})), is_sure=True))

    assert sure("def test():\n for a in f():\n  assert a") == [False]
    assert sure("def test():\n assert all(a for a in f())") == [False]
    assert sure("def test():\n for a in f():\n  with raises(E):\n   a()") == [False]
    assert sure("def test():\n found = f()\n assert found\n for a in found:\n  assert a") == [
        True,
        False,
    ]
    assert sure("def test():\n for a in (1, 2):\n  assert a") == [True]
    assert sure("def test():\n given = {1: 2}\n for a in given.items():\n  assert a") == [True]
    assert sure("def test():\n for a, b in zip(KNOWN, f(), strict=True):\n  assert a") == [True]


def _checks(node: ast.AST, filled: frozenset[str], *, is_sure: bool) -> Iterator[bool]:
    """Tell of each check below the node whether it is made whatever is looked into."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        is_child_sure = is_sure
        if isinstance(child, ast.For | ast.AsyncFor):
            is_child_sure = is_sure and _is_filled(child.iter, filled)
        if isinstance(child, ast.Assert):
            yield is_sure and _looks_into(child.test, filled)
        elif isinstance(child, ast.With) and any(
            isinstance(each.context_expr, ast.Call)
            and ast.unparse(each.context_expr.func).rpartition(".")[2] in ("raises", "warns")
            for each in child.items
        ):
            yield is_sure
        yield from _checks(child, filled, is_sure=is_child_sure)


def _looks_into(test: ast.expr, filled: frozenset[str]) -> bool:
    """Tell whether a condition fails where there is nothing: `all(…)` of nothing is true."""
    match test:
        case ast.Call(func=ast.Name("all"), args=[ast.GeneratorExp(generators=[first, *_])]):
            return _is_filled(first.iter, filled)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call(func=ast.Name("any"))):
            return False
    return True


def _parameters(test: ast.FunctionDef) -> frozenset[str]:
    """Return the names that `parametrize` gives values, which stand there to be read."""
    names = [
        each.args[0]
        for each in test.decorator_list
        if isinstance(each, ast.Call) and ast.unparse(each.func).endswith(".parametrize")
    ]
    return frozenset(
        word
        for name in names
        for node in ast.walk(name)
        if isinstance(node, ast.Constant)
        for word in str(node.value).replace(",", " ").split()
    )


def _filled(body: list[ast.stmt], known: frozenset[str]) -> frozenset[str]:
    """Return the names that stand for something with items in it."""
    for statement in body:
        if isinstance(statement, Assigned) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if _is_filled(statement.value, known):
                known |= {each.id for each in targets if isinstance(each, ast.Name)}
    return known


def _is_filled(node: ast.expr, filled: frozenset[str]) -> bool:
    """Tell whether an expression surely has items."""
    match node:
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return any(
                not isinstance(item, ast.Starred) or _is_filled(item.value, filled)
                for item in items
            )
        case ast.Dict(keys=keys):
            return bool(keys)
        case ast.Constant(value=value):
            return bool(value)
        case ast.Name(id=name):
            return name in filled
        case ast.BinOp(left=left, right=right):
            return _is_filled(left, filled) or _is_filled(right, filled)
        case ast.Call(func=ast.Attribute(value=of, attr="items" | "keys" | "values" | "split")):
            return _is_filled(of, filled)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _SAME_LENGTH:
            return _is_filled(first, filled)
        case ast.Call(func=ast.Name("range"), args=args):
            return all(isinstance(each, ast.Constant | ast.Name) for each in args)
        case ast.Call(func=ast.Name("product"), args=args):
            return all(_is_filled(each, filled) for each in args)
        case ast.Call(func=ast.Name("zip"), args=args, keywords=keywords):
            sure = [_is_filled(each, filled) for each in args]
            return any(sure) if any(each.arg == "strict" for each in keywords) else all(sure)
    return False
