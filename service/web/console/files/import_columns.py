"""The page on which somebody says what the columns of a file are, before it is imported.

The file is not kept between the steps: the form asks for it once more, or the script hands it on.
So nothing lies on a server that has not been imported, and any machine can answer each step.
"""

from collections.abc import Mapping
from typing import Any

from flask import render_template
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage

from service.domain.errors import InvalidInputError
from service.domain.files.columns import ATTRIBUTE, IGNORE, TARGETS, Choice, ColumnsError
from service.domain.files.meanings import Meaning, word_key
from service.domain.files.titles import title_key
from service.usecases.files.import_preview import MAX_COLUMNS, preview
from service.web.http.context import services

MAX_WORDS = 50
NO_KNOWN_COLUMN = "No column of this file is recognised. Choose what each column is."


def chosen_columns(form: Mapping[str, str]) -> dict[str, Choice]:
    """Return what the form says of columns, by `title_key`; nothing for those left open."""
    chosen = {}
    for number in range(MAX_COLUMNS):
        title = form.get(f"title-{number}")
        if title is None:
            break
        target = form.get(f"column-{number}", "")
        if target in TARGETS:
            words = _chosen_words(form, number) if target == "status" else {}
            chosen[title_key(title)] = Choice(target=target, words=words)
    return chosen


def _chosen_words(form: Mapping[str, str], number: int) -> dict[str, Meaning]:
    words = {}
    for place in range(MAX_WORDS):
        word = form.get(f"word-{number}-{place}")
        if word is None:
            break
        meaning = form.get(f"meaning-{number}-{place}", "")
        if meaning in list(Meaning):
            words[word_key(word)] = Meaning(meaning)
    return words


def columns_page(
    file: FileStorage,
    *,
    form: Mapping[str, str],
    chosen: Mapping[str, Choice],
    error: Exception | None = None,
    **result: Any,
) -> str:
    """Render the columns of a file with a choice for each, and the result of a dry run.

    Raises `InvalidInputError` where the file has no header to show, or `error` was given and no
    column is known: more is wrong then, perhaps it is another file that was meant.
    """
    file.stream.seek(0)
    found = preview(file.stream, chosen=chosen)
    if error is not None and not found.is_known:
        raise InvalidInputError("file", NO_KNOWN_COLUMN)
    return render_template(
        "admin/files/import_columns.html",
        preview=found,
        error=_shown(error) if error else None,
        form=form,
        lists=services().lists.all(),
        targets=target_names(),
        meanings=meaning_names(),
        **{"name": file.filename, **result},
    )


def _shown(error: Exception) -> str:
    """Return the error, in words for the page of columns."""
    if not isinstance(error, ColumnsError):
        return str(error)
    if error.leaving:
        text = _(
            "These columns may say who must not be emailed: %(titles)s. Say what each one is.",
            titles=", ".join(error.leaving),
        )
    else:
        text = _("Say what these columns are: %(titles)s.", titles=", ".join(error.others))
    return str(text)


def may_show_columns(error: Exception) -> bool:
    """Tell whether another choice of columns may help."""
    return isinstance(error, InvalidInputError) and error.field in ("file", "map")


def target_names() -> list[tuple[str, str]]:
    """Return what a column can be, in words."""
    return [
        ("email", _("Email address")),
        ("name", _("Full name")),
        ("first_name", _("First name")),
        ("last_name", _("Last name")),
        ("status", _("Status: subscribed or not")),
        ("unsubscribed_at", _("Unsubscribed, if not empty")),
        ("bounced_at", _("Bounced, if not empty")),
        ("complained_at", _("Marked as spam, if not empty")),
        ("requested_at", _("Signed up at")),
        ("confirmed_at", _("Confirmed at")),
        ("source", _("Signed up on (page or form)")),
        ("list", _("Mailing list (slug)")),
        ("locale", _("Language (for example de or pt-BR)")),
        ("tags", _("Tags")),
        ("attributes", _("Attributes as JSON")),
        (ATTRIBUTE, _("Keep as an attribute")),
        (IGNORE, _("Leave out")),
    ]


def meaning_names() -> list[tuple[str, str]]:
    """Return what a word can mean, in words."""
    return [
        ("confirmed", _("Subscribed")),
        ("pending", _("Not confirmed: don't email")),
        ("unsubscribed", _("Unsubscribed")),
        ("bounced", _("Bounced")),
        ("complained", _("Marked as spam")),
        ("skipped", _("Never subscribed: don't import")),
    ]
