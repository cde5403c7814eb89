"""The commands for lists, keys and files, as typed."""

import hashlib
import json
from pathlib import Path
from uuid import UUID

from tests.cli.conftest import Run

PEOPLE = (
    "email,status,confirmed_at,source\n"
    "ada@example.org,confirmed,2025-01-02T03:04:05Z,shop\n"
    "bob@example.org,pending,,\n"
)


def test_a_key_is_printed_alone_and_once(run: Run):
    made = run("keys", "create", "site", "--role", "export")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert made.stdout == f"{key}\n"
    assert len(key) == 46
    assert key not in run("keys", "list").stdout
    assert run("keys", "create", "site", "--role", "export").exit_code == 1
    assert run("keys", "create", "other", "--role", "owner").exit_code == 2
    assert run("keys", "revoke", "site").exit_code == 0
    assert "revoked" in run("keys", "list").stdout
    assert run("keys", "revoke", "nobody").exit_code == 1


def test_lists_are_made_and_shown(run: Run):
    made = run("lists", "create", "extra", "--name", "Extra", "--origin", "https://a.example")
    assert made.exit_code == 0, made.output
    assert run("lists", "show").stdout.splitlines() == [
        "extra  Extra",
        "news-flash  News Flash  (default)",
    ]
    assert "origins: https://a.example" in run("lists", "show", "extra").stdout
    assert run("lists", "create", "extra", "--name", "Again").exit_code == 1
    assert run("lists", "create", "Not a slug", "--name", "X").exit_code == 1
    assert run("lists", "show", "nowhere").exit_code == 1


def test_subscribers_go_in_and_come_out(run: Run, tmp_path: Path):
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    taken = run("subscribers", "import", str(file))
    assert (taken.exit_code, taken.stdout) == (
        0,
        "2 rows: 2 imported, 0 unchanged, 0 skipped, 0 invalid\n",
    )
    shown = run("subscribers", "export", "--status", "confirmed")
    assert shown.exit_code == 0, shown.output
    assert [line.split(",")[0] for line in shown.stdout.splitlines()] == [
        "email",
        "ada@example.org",
    ]
    assert json.loads(run("subscribers", "data", "ada@example.org").stdout)["name"] is None
    assert run("subscribers", "data", "nobody").exit_code == 1
    assert run("subscribers", "erase", "zoe@example.org").exit_code == 1
    told = tmp_path / "told.csv"
    tried = run("subscribers", "import", str(file), "--dry-run", "--json", "--report", str(told))
    assert json.loads(tried.stdout)["unchanged"] == 2
    assert told.read_text() == "line,outcome,column,message\n2,unchanged,,\n3,unchanged,,\n"
    output = tmp_path / "out.ndjson"
    written = run("subscribers", "export", "--format", "ndjson", "--output", str(output))
    assert (written.exit_code, written.output) == (0, "")
    assert output.read_text().count("\n") == 2
    beside = json.loads((tmp_path / "out.ndjson.manifest.json").read_text())
    assert (beside["rows"], beside["actor"]) == (2, "command line")
    assert beside["sha256"] == hashlib.sha256(output.read_bytes()).hexdigest()
    assert json.loads(run("exports", "show", beside["id"]).stdout) == beside
    assert json.loads(run("exports", "list", "--json").stdout)["exports"][0] == beside
    assert f"{beside['id']}  " in run("exports", "list").stdout
    assert run("exports", "show", str(UUID(int=1))).exit_code == 1
    assert "2 unchanged" in run("subscribers", "import", str(output)).stdout
    assert "2 imported" in run("subscribers", "import", str(output), "--left").stdout
    assert run("subscribers", "export", "--status", "confirmed").stdout.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_bad_row_is_told_and_ends_with_one(run: Run, tmp_path: Path):
    file = tmp_path / "people.csv"
    file.write_text(f"{PEOPLE}nobody,pending,,\n")
    taken = run("subscribers", "import", str(file))
    assert taken.exit_code == 1
    assert "line 4: email is not an email address" in taken.stderr
    assert "2 imported" in taken.stdout
    file.write_text("a;b\n")
    assert run("subscribers", "import", str(file)).exit_code == 1
    assert run("subscribers", "export", "--list", "nowhere").exit_code == 1
    assert run("subscribers", "export", "--columns", "x").exit_code == 1


def test_columns_of_another_tools_file_are_explained_as_options(run: Run, tmp_path: Path):
    file, told = tmp_path / "people.csv", tmp_path / "told.csv"
    file.write_text("Contact,Standing,Town\nada@example.org,In,Bonn\nbob@example.org,Out,Bonn\n")
    refused = run("subscribers", "import", str(file))
    assert refused.exit_code == 1
    assert "map=Contact:" in refused.output
    explained = ("--map", "Contact:email", "--meaning", "Standing:In:pending")
    assert run("subscribers", "import", str(file), *explained).exit_code == 1
    options = (*explained, "--meaning", "Standing:Out:unsubscribed", "--unknown", "ignore")
    taken = run("subscribers", "import", str(file), *options, "--report", str(told))
    assert taken.exit_code == 0, taken.output
    assert "Columns left out: Town." in taken.stderr
    assert "2 imported" in taken.stdout
    assert (
        told.read_text().splitlines()[1] == "1,header,,unknown file format; columns left out: Town"
    )
    wrong = run("subscribers", "import", str(file), "--map", "Contact")
    assert (wrong.exit_code, "TITLE:COLUMN" in wrong.output) == (1, True)
