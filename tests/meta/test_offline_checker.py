"""The checker of ledgers and receipts is as good as what it stands on, so that is very little."""

import sys

import grimp

CHECKER = "service.usecases.ledger.verify"
OTHERS = {"cryptography"}
"""What it stands on beside Python itself."""


def test_the_offline_checker_imports_nothing_but_domain_and_signing() -> None:
    graph = grimp.build_graph("service", include_external_packages=True, cache_dir=None)
    found = graph.find_upstream_modules(CHECKER)
    ours = {name for name in found if name.partition(".")[0] == "service"}
    assert "service.domain.ledger.check" in ours
    assert {
        name
        for name in ours
        if name != "service.signing" and not name.startswith("service.domain.")
    } == set()
    assert found - ours - sys.stdlib_module_names == OTHERS


def test_the_rules_it_checks_by_import_nothing_but_other_rules() -> None:
    graph = grimp.build_graph("service", include_external_packages=True, cache_dir=None)
    found = graph.find_upstream_modules("service.domain.ledger.check")
    rules = {name for name in found if name.startswith("service.domain.")}
    assert "service.domain.ledger.format" in rules
    assert found - rules <= sys.stdlib_module_names
