"""`newsflash doctor` asks the identity provider what it says of itself."""

from dataclasses import replace

import pytest

from service.domain.finding import Finding, Level
from service.usecases.operations.doctor import Doctor


@pytest.fixture
def look(services, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def find(**changes) -> Finding | None:
        doctor = Doctor(
            replace(settings, **changes),
            health=services.health,
            keys=services.database_keys,
            lists=services.lists,
            environment={},
        )
        return {finding.subject: finding for finding in doctor()}.get("OIDC_ISSUER")

    return find


def test_a_provider_that_answers_is_well(look, issuer):
    assert look().level is Level.OK
    assert issuer.calls == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(("status", "detail"), [(503, "http_503"), (404, "http_404")])
def test_a_provider_that_does_not_is_named(look, issuer, oidc, status, detail):
    issuer.status["/.well-known/openid-configuration"] = status
    found = look()
    assert found.level is Level.FAILED
    assert detail in found.detail
    assert oidc.client_secret not in found.detail


def test_without_a_provider_nothing_is_asked(look, issuer):
    assert look(oidc=None) is None
    assert issuer.calls == []
