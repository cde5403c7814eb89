"""Liveness, readiness and the contract."""

from flask import Blueprint, Response, jsonify

from service.web.http.context import services

health = Blueprint("health", __name__)


@health.after_request
def keep_fresh(response: Response) -> Response:
    """Let no cache answer in our place."""
    response.headers["Cache-Control"] = "no-store"
    return response


@health.get("/healthz")
def healthz() -> Response:
    """Say that the process answers."""
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> Response:
    """Say whether the service can take requests, and what is wrong if not (503)."""
    readiness = services().health()
    response = jsonify(
        status="ready" if readiness.is_ready else "not ready",
        database=readiness.database,
        migrations=readiness.migrations,
        keys=readiness.migrations and readiness.wrong_key is None,
        writable=readiness.writable,
        oldest_due_seconds=readiness.oldest_due_seconds,
        clock_ahead_seconds=readiness.clock_ahead_seconds,
        **({"detail": readiness.wrong_key} if readiness.wrong_key else {}),
    )
    response.status_code = 200 if readiness.is_ready else 503
    return response
