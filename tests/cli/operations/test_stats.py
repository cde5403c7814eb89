"""`newsflash stats` says what the API says."""

import json
import re
from pathlib import Path

from service.clock import utc_now
from tests.cli.conftest import Run


def test_stats_are_printed_by_day_and_list(run: Run, tmp_path: Path):
    shown = run("stats", "--days", "2")
    assert shown.exit_code == 0, shown.output
    assert [line.split()[0] for line in shown.stdout.splitlines()] == [
        "day",
        *(line.split()[0] for line in shown.stdout.splitlines()[1:3]),
        "all",
        "news-flash",
    ]
    told = json.loads(run("stats", "--list", "news-flash", "--json").stdout)
    assert (len(told["days"]), told["until"]) == (30, utc_now().date().isoformat())
    assert [each["list"] for each in told["lists"]] == ["news-flash"]
    assert told["totals"]["confirmation_rate"] is None
    day = json.loads(
        run("stats", "--since", "2026-01-05", "--until", "2026-01-05", "--json").stdout
    )
    assert [each["day"] for each in day["days"]] == ["2026-01-05"]


def test_a_long_slug_leaves_the_columns_where_they_are(run: Run):
    slug = "a-list-with-a-name-of-many-words"
    assert run("lists", "create", slug, "--name", "Long").exit_code == 0
    lines = run("stats", "--days", "1").stdout.splitlines()
    ends = {re.match(r"(?:all days|\S+) +\S+", line).end() for line in lines}  # type: ignore[union-attr]
    assert len(ends) == 1, lines


def test_stats_that_cannot_be_end_in_a_line(run: Run):
    for words, said in (
        (("--list", "nowhere"), "There is no list 'nowhere'."),
        (("--since", "2026-01-05", "--until", "2026-01-01"), "since: "),
        (("--since", "2026-01-05", "--days", "3"), "Give --days or --since, not both."),
    ):
        told = run("stats", *words)
        assert told.exit_code != 0
        assert said in told.output
