"""How a signup is judged."""

from datetime import UTC, datetime, timedelta

import pytest

from service.domain.signup.risk import (
    FASTEST_FORM,
    FORM_LIFE,
    LEEWAY,
    NO_RISK,
    FormToken,
    Level,
    Reason,
    Signals,
    age_verdict,
    assess,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("signals", "level"),
    [
        ({}, Level.LOW),
        ({"form_token": FormToken.GOOD}, Level.LOW),
        ({"form_token": FormToken.MISSING}, Level.LOW),
        ({"is_browser": False}, Level.LOW),
        ({"form_token": FormToken.MISSING, "is_browser": False}, Level.LOW),
        ({"form_token": FormToken.TOO_FAST, "is_browser": False}, Level.LOW),
        ({"client_share": 0.4, "form_token": FormToken.MISSING, "is_browser": False}, Level.LOW),
        ({"client_share": 0.5, "form_token": FormToken.GOOD}, Level.LOW),
        ({"network_share": 0.9}, Level.LOW),
        ({"client_share": 0.9}, Level.MEDIUM),
        ({"client_share": 0.9, "network_share": 1.0, "is_browser": False}, Level.MEDIUM),
        ({"client_share": 0.5, "form_token": FormToken.TOO_FAST}, Level.MEDIUM),
        ({"is_disposable": True}, Level.MEDIUM),
        ({"is_disposable": True, "form_token": FormToken.MISSING}, Level.MEDIUM),
        ({"form_token": FormToken.FORGED}, Level.MEDIUM),
        ({"is_disposable": True, "client_share": 0.9}, Level.HIGH),
        ({"is_disposable": True, "form_token": FormToken.FORGED}, Level.HIGH),
        ({"client_share": 0.9, "form_token": FormToken.FORGED}, Level.HIGH),
        ({"is_trapped": True}, Level.HIGH),
    ],
)
def test_what_follows_from_what_a_request_shows(signals, level):
    assert assess(Signals(**signals)).level is level


def test_a_score_names_its_reasons_and_nothing_else():
    risk = assess(Signals(is_disposable=True, form_token=FormToken.MISSING, client_share=0.5))
    assert risk.reasons == (Reason.PACE, Reason.DISPOSABLE, Reason.FORM_MISSING)
    assert assess(Signals()) == NO_RISK


def test_only_the_trap_is_high_by_itself():
    alone = (
        Signals(client_share=9.0),
        Signals(network_share=9.0),
        Signals(is_disposable=True),
        Signals(is_browser=False),
        *(Signals(form_token=verdict) for verdict in FormToken),
    )
    assert all(assess(signals).level is not Level.HIGH for signals in alone)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(), FormToken.TOO_FAST),
        (FASTEST_FORM, FormToken.GOOD),
        (FORM_LIFE, FormToken.GOOD),
        (FORM_LIFE + timedelta(seconds=1), FormToken.MISSING),
        (-LEEWAY, FormToken.TOO_FAST),
        (-LEEWAY - timedelta(seconds=1), FormToken.FORGED),
    ],
)
def test_a_form_is_judged_by_its_age(age, verdict):
    assert age_verdict(NOW - age, NOW) is verdict
