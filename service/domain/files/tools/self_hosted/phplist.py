"""phpList: the export of its subscribers."""

from service.domain.files.meanings import ANY_WORD, Meaning
from service.domain.files.tools.tool import Tool

_CONFIRMED = "is this subscriber confirmed"
_BLOCKED = "is this subscriber blacklisted"
_DISABLED = "is this account disabled?"
_LEFT = {"1": Meaning.UNSUBSCRIBED, "0": Meaning.CONFIRMED, "": Meaning.CONFIRMED}

PHPLIST = Tool(
    name="phplist",
    title="phpList",
    # The exporter chooses the columns: without one of these nobody knows who may be emailed.
    signs=(frozenset({"email", _CONFIRMED, _BLOCKED}),),
    columns={
        "email": "email",
        _CONFIRMED: "status",
        _BLOCKED: "status",
        _DISABLED: "status",
        "list membership": "status",
        "entered": "requested_at",
    },
    column_words={
        _CONFIRMED: {"1": Meaning.CONFIRMED, "0": Meaning.PENDING, "": Meaning.PENDING},
        _BLOCKED: _LEFT,
        _DISABLED: _LEFT,
        # Leaving the last list takes nobody out of the file.
        "list membership": {
            "no lists": Meaning.UNSUBSCRIBED,
            "": Meaning.UNSUBSCRIBED,
            ANY_WORD: Meaning.CONFIRMED,
        },
    },
    left_out=frozenset(
        {
            "id",
            "did this subscriber manually confirm",
            "number of bounces",
            "last modified",
            "unique id",
            "send this subscriber html emails",
            "rss frequency",
            "additional data",
            "foreign key",
            "ip",
            "change summary",
            "change detail",
        }
    ),
)
