"""How long the server waits for clients, and how much of what they send it holds."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All for one process. A client that is too slow is answered 408 or cut off."""

    connections: int = 10_000
    """At most so many at once: one more ends the one that has been waited for longest."""
    head_bytes: int = 32 * 1024
    head_seconds: float = 10
    """From the connection, or the first byte of a later request, to the end of the head."""
    body_bytes: int = 1024 * 1024
    """Longer bodies reach the app without content, which answers 413. Uploads are not bounded."""
    body_seconds: float = 30
    """From the head to the end of the body. For an upload: the longest single wait."""
    upload_bytes_a_second: int = 8 * 1024
    """What an upload must reach, beyond `body_seconds`. Time in which we do not read is not
    counted."""
    held_bytes: int = 64 * 1024 * 1024
    """Bytes of requests that are not answered yet, of all connections together."""
    queue_seconds: float = 10
    """How long a whole request waits for a thread before it is answered 503."""
    write_seconds: float = 30
    """How long a client that reads too slowly may keep the next block from being sent."""
    idle_seconds: float = 75
    """Between two requests. Longer than the usual 60 seconds of a proxy, which then decides."""
    linger_seconds: float = 60
    """How long the rest of a refused request is read and forgotten, so that the answer arrives.
    Less than a client may be idle."""
    linger_pause_seconds: float = 5
    """How long such a client may send nothing before the connection ends."""
    linger_bytes: int = 1024 * 1024 * 1024
    """How much of such a request is read and forgotten."""
    begun_seconds: float = 2
    """How long a request that has begun to arrive may take once the server is to stop."""
    stop_seconds: float = 15
    """How long requests may take to end once the server is to stop."""


@dataclass(frozen=True, slots=True)
class LaneLimits:
    """How many threads a lane has, and how many requests it admits at once, waiting ones too."""

    threads: int
    admitted: int


class LaneName(StrEnum):
    """Which threads run a request. Those of one lane never wait for those of another."""

    REQUESTS = "requests"
    EXPORTS = "exports"
    """Long answers that are written while they are read; each may hold a database connection."""
    IMPORTS = "imports"
    """Long bodies, which the app reads as they come in: it has to authenticate first."""


LANES = {
    LaneName.REQUESTS: LaneLimits(threads=8, admitted=512),
    LaneName.EXPORTS: LaneLimits(threads=4, admitted=8),
    LaneName.IMPORTS: LaneLimits(threads=4, admitted=16),
}

LaneOf = Callable[[str, str], LaneName]
"""Tells the lane of a method and a path as `PATH_INFO` has it. Called on the loop."""
