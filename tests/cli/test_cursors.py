"""Commands that print a list page by page say of a bad cursor what the API says."""

from service.usecases.paging import BAD_CURSOR, Cursors
from tests.cli.conftest import Run
from tests.cli.people.test_people import told

LISTS = (
    ("subscribers", "list"),
    ("suppressions", "list"),
    ("outbox", "list"),
    ("held", "list"),
    ("audit",),
    ("exports", "list"),
)
BAD = ("", "x", "bm8", Cursors("lists", read=str).after("0"))


def test_a_bad_cursor_is_refused_in_one_line(run: Run):
    assert run("suppressions", "add", "ada@example.org").exit_code == 0
    webhook = told(run, "webhooks", "create", "https://example.org/h")["id"]
    for words in (*LISTS, ("webhooks", "attempts", webhook)):
        assert told(run, *words)["next_cursor"] is None
        for cursor in BAD:
            refused = run(*words, "--cursor", cursor)
            assert (refused.exit_code, refused.stderr) == (1, f"Error: cursor: {BAD_CURSOR}\n")


def test_a_receipt_says_it_too(run: Run, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text("email\nada@example.org\n")
    assert run("subscribers", "import", str(file)).exit_code == 0
    id_ = told(run, "subscribers", "show", "ada@example.org")["id"]
    for words in (("receipts", "issue", id_), ("subscribers", "receipt", "ada@example.org")):
        refused = run(*words, "--cursor", "x")
        assert (refused.exit_code, refused.stderr) == (1, f"Error: cursor: {BAD_CURSOR}\n")
