"""Doctor's look at secrets as they are kept: how random a key is, and who can read its file."""

import math
import stat
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from service.config import KEY_FILES, PREFIX, Settings
from service.domain.finding import Finding, failed, ok, warning
from service.store.embedded import database_files

MIN_KEY_BITS = 96.0
MIN_KEY_PACKED_BYTES = 20
"""What even 16 random bytes in hexadecimal stay above, as Shannon and Deflate measure it."""

MOUNTED = (Path("/run/secrets"), Path("/var/run/secrets"))
"""Where Docker, Podman and Kubernetes put secrets, often as files that all in it may read."""


def files(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the files that hold secrets or addresses: only their owner may read them."""
    places = [settings.data_dir / name for name in KEY_FILES]
    places += [
        Path(path)
        for name, path in sorted(environment.items())
        if name.startswith(PREFIX) and name.endswith("_FILE")
    ]
    places.append(Path(".env"))
    if settings.is_sqlite:
        places += database_files(Path(settings.database_url.database or ""))
        places.append(settings.data_dir / "mailbox")
    for path in places:
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        fix = f"chmod {700 if stat.S_ISDIR(mode) else 600} {path}"
        if _is_mounted_secret(path, mode):
            yield ok(f"file {path}", "a read-only secret of the container")
        elif mode & (stat.S_IRWXO | stat.S_IWGRP):
            yield failed(f"file {path}", f"other users can read or change it: {fix}")
        elif mode & stat.S_IRWXG:
            yield warning(f"file {path}", f"its group can read it: {fix}")
        else:
            yield ok(f"file {path}", "only its owner can read it")


def is_regular(key: str) -> bool:
    """Tell whether a key cannot be random: few different characters, or one pattern repeated."""
    counts = Counter(key).values()
    shannon_bits = -sum(count * math.log2(count / len(key)) for count in counts)
    compressor = zlib.compressobj(9, wbits=-15)
    packed = compressor.compress(key.encode()) + compressor.flush()
    return shannon_bits < MIN_KEY_BITS or len(packed) < MIN_KEY_PACKED_BYTES


def _is_mounted_secret(path: Path, mode: int) -> bool:
    """Tell whether a container's runtime put the file there: only the container sees the folder."""
    is_there = any(parent in MOUNTED for parent in path.resolve().parents)
    return is_there and stat.S_ISREG(mode) and not mode & 0o222
