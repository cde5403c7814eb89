"""Text on the command line and in the environment is UTF-8, or refused in one line."""

import os

import pytest
from click.testing import CliRunner

from service.cli import main

BAD = "K\udce4se"


@pytest.mark.parametrize(
    "arguments",
    [
        ("lists", "create", "cheese", "--name", BAD),
        ("lists", "create", BAD, "--name", "Cheese"),
        ("keys", "create", BAD, "--role", "admin"),
        ("keys", "revoke", BAD),
        ("subscribers", "list", "--search", BAD),
        ("subscribers", "show", BAD),
        ("suppressions", "add", f"{BAD}@example.org"),
    ],
)
def test_an_argument_that_is_no_text_is_refused_in_one_line(arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "This is not UTF-8 text. Set the terminal to UTF-8 and try again." in result.output


def test_a_setting_that_is_no_text_is_refused_in_one_line(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "NEWSFLASH_MAIL_FROM", f"{BAD} <news@example.org>")
    result = CliRunner().invoke(main, ["lists", "show"])
    assert result.exit_code == 1
    assert result.output == "Error: NEWSFLASH_MAIL_FROM: is not UTF-8 text\n"
