"""What a check of the installation found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How it stands. `failed`: mail or links do not work; `warning`: they could work better."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check: what was looked at, how it stands and, unless well, what to change.

    No field holds a secret.
    """

    level: Level
    subject: str
    detail: str


def ok(subject: str, detail: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(level=Level.OK, subject=subject, detail=detail)


def warning(subject: str, detail: str) -> Finding:
    """Say what could be better, and how."""
    return Finding(level=Level.WARNING, subject=subject, detail=detail)


def failed(subject: str, detail: str) -> Finding:
    """Say what does not work, and what to change."""
    return Finding(level=Level.FAILED, subject=subject, detail=detail)
