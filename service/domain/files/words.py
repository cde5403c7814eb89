"""Words that are written in a column: to ask what they mean, and to show them naming nobody."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from service.domain.files.meanings import looks_like, plain, word_key

MAX_WORDS = 30
"""A column with more different words than this is no status."""
SHOWN_WORDS = 5
MAX_CHARS = 8 << 20
"""How much of a file is looked at."""
MAX_SHOWN_LENGTH = 30

_WORDS_OF_STATUS = (
    "active inactive enabled disabled subscribed confirmed unconfirmed pending new normal regular "
    "free paid yes no true false 0 1 y n on off ok aktiv inaktiv angemeldet bestatigt ja nein "
    "actif inactif inscrit abonne confirme oui non activo inactivo suscrito confirmado si attivo "
    "inattivo iscritto confermato ativo inscrito sim nao actief ingeschreven nee"
)
# They do not say who somebody is, however rare they are in the file.
_COMMON = frozenset(_WORDS_OF_STATUS.split())


def beginning(rows: Iterable[Sequence[str]], most: int) -> Iterator[Sequence[str]]:
    """Give the first rows, fewer where they are long: what is in memory at once has a bound."""
    chars = 0
    for row in islice(rows, most):
        yield row
        chars += sum(map(len, row))
        if chars > MAX_CHARS:
            return


def words_in(rows: Iterable[Sequence[str]], number: int) -> Counter[str]:
    """Return the words of a column by `word_key`, with how often each is written."""
    return Counter(word_key(row[number]) for row in rows if number < len(row))


def words_as_written(rows: Sequence[Sequence[str]], number: int) -> dict[str, str]:
    """Return how each word of a column, by `word_key`, is written first."""
    return {
        word_key(row[number]): row[number].strip() for row in reversed(rows) if number < len(row)
    }


def shown_words(rows: Sequence[Sequence[str]], number: int) -> list[str]:
    """Return a few words of a column that name nobody, as they are written first.

    They are words for a status in any language, and those that many rows share.
    """
    counts = words_in(rows, number)
    counts.pop("", None)
    is_shared = len(counts) * 5 <= counts.total() and len(counts) <= MAX_WORDS
    written = words_as_written(rows, number)
    shown = [
        written[word]
        for word, _ in counts.most_common()
        if len(word) <= MAX_SHOWN_LENGTH
        and "@" not in word
        and (is_shared or plain(word) in _COMMON or _is_about_leaving(word))
    ]
    return shown[:SHOWN_WORDS]


def _is_about_leaving(word: str) -> bool:
    """Tell whether the word itself, and not a name beside it, is about leaving."""
    return " " not in word and looks_like(word) is not None
