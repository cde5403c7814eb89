"""Tables on standard output, and the one statistic that the benchmarks use."""

import statistics
from collections.abc import Sequence


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    print(f"\n{title}\n")
    for row in (head, ["-" * width for width in widths], *rows):
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join([first, *others]).rstrip())


def median_ratio(ours: Sequence[float], limits: Sequence[float]) -> float:
    """Return the median over the rounds of ours to the limit of the same round."""
    return statistics.median(
        each / limit for each, limit in zip(ours, limits, strict=True) if limit
    )


def rate(values: Sequence[float]) -> str:
    """Write the median of the rates."""
    return f"{statistics.median(values):,.0f}"
