"""The mail APIs in small: how each reads a request, and how it says yes, partly and no."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from email.utils import parseaddr
from typing import Any
from urllib.parse import parse_qsl

from werkzeug import Request, Response

from tests.mail.samples import Seen


def as_json(status: int, value: object) -> Response:
    return Response(json.dumps(value), status, {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Api:
    name: str
    dsn: str
    """With `{host}` for the server's address."""
    path: str
    read: Callable[[Request], list[Seen]]
    yes: Callable[[int], Response]
    ids: Callable[[int], list[str | None]]
    """The provider's names for that many mails."""
    is_authorised: Callable[[Request], bool]
    partly: Callable[[int], Response] | None = None
    """All taken but the second. None where the API takes all or nothing."""
    partly_error: str | None = None
    batch: int = 1
    """Mails that the tests hand over at once."""
    reads_answer: bool = True
    """Whether a 2xx has a body that says something."""

    def __str__(self) -> str:
        return self.name


def _pair(value: Any, email: str = "email", name: str = "name") -> tuple[str, str]:
    return value.get(name, ""), value[email]


def _bearer(request: Request) -> bool:
    return request.headers.get("Authorization") == "Bearer k/ey"


def _numbered(start: str) -> Callable[[int], list[str | None]]:
    return lambda count: [f"{start}{number}" for number in range(count)]


# --- Postmark ---


def _read_postmark(request: Request) -> list[Seen]:
    return [
        Seen(
            [m["To"]],
            parseaddr(m["From"]),
            m["Subject"],
            m["TextBody"],
            m["HtmlBody"],
            {header["Name"]: header["Value"] for header in m["Headers"]},
        )
        for m in request.get_json()
        if m["TrackOpens"] is False and m["TrackLinks"] == "None" and m["MessageStream"]
    ]


def _postmark(count: int, *, refused: tuple[int, ...] = ()) -> Response:
    return as_json(
        200,
        [
            {"ErrorCode": 406, "Message": "inactive: someone@example.org"}
            if number in refused
            else {"ErrorCode": 0, "MessageID": f"pm{number}", "Message": "OK"}
            for number in range(count)
        ],
    )


POSTMARK = Api(
    name="postmark",
    dsn="postmark://k%2Fey@{host}?scheme=http",
    path="/email/batch",
    read=_read_postmark,
    yes=_postmark,
    ids=_numbered("pm"),
    partly=lambda count: _postmark(count, refused=(1,)),
    partly_error="postmark_406",
    is_authorised=lambda request: request.headers.get("X-Postmark-Server-Token") == "k/ey",
    batch=3,
)

# --- SendGrid ---


def _read_sendgrid(request: Request) -> list[Seen]:
    payload = request.get_json()
    assert payload["tracking_settings"]["click_tracking"]["enable"] is False
    text, html = payload["content"]
    assert (text["type"], html["type"]) == ("text/plain", "text/html")
    seen = []
    for one in payload["personalizations"]:
        bodies = (text["value"], html["value"])
        for tag, value in one.get("substitutions", {}).items():
            bodies = (bodies[0].replace(tag, value), bodies[1].replace(tag, value))
        seen.append(
            Seen(
                [to["email"] for to in one["to"]],
                _pair(payload["from"]),
                one["subject"],
                *bodies,
                one["headers"],
            )
        )
    return seen


SENDGRID = Api(
    name="sendgrid",
    dsn="sendgrid://k%2Fey@{host}?scheme=http",
    path="/v3/mail/send",
    read=_read_sendgrid,
    yes=lambda count: Response("", 202, {"X-Message-Id": "call1"}),
    ids=lambda count: ["call1"] * count,
    is_authorised=_bearer,
    batch=3,
    reads_answer=False,
)

# --- Mailgun ---


def _read_mailgun(request: Request) -> list[Seen]:
    pairs = parse_qsl(request.get_data(as_text=True), keep_blank_values=True)
    fields = dict(pairs)
    assert fields["o:tracking"] == "no"
    variables = json.loads(fields.get("recipient-variables", "{}"))
    seen = []
    for recipient in [value for name, value in pairs if name == "to"]:
        own = dict(fields)
        for variable, value in variables.get(recipient, {}).items():
            own = {k: v.replace(f"%recipient.{variable}%", value) for k, v in own.items()}
        assert own["v:message_id"].startswith("00000000-")
        seen.append(
            Seen(
                [recipient],
                parseaddr(own["from"]),
                own["subject"],
                own["text"],
                own["html"],
                {k.removeprefix("h:"): v for k, v in own.items() if k.startswith("h:")},
            )
        )
    return seen


MAILGUN = Api(
    name="mailgun",
    dsn="mailgun://k%2Fey@{host}?scheme=http&domain=mg.example.org&region=eu",
    path="/v3/mg.example.org/messages",
    read=_read_mailgun,
    yes=lambda count: as_json(200, {"id": "<call1@mg>", "message": "Queued. Thank you."}),
    ids=lambda count: ["call1@mg"] * count,
    is_authorised=lambda r: bool(r.authorization and r.authorization.password == "k/ey"),
    batch=3,
)

# --- Amazon SES ---


def _read_ses(request: Request) -> list[Seen]:
    payload = request.get_json()
    message = message_from_bytes(b64decode(payload["Content"]["Raw"]["Data"]), policy=default)
    return [
        Seen(
            payload["Destination"]["ToAddresses"],
            (message["From"].addresses[0].display_name, payload["FromEmailAddress"]),
            message["Subject"],
            message.get_body(("plain",)).get_content(),  # type: ignore[union-attr] # or the test fails
            message.get_body(("html",)).get_content(),  # type: ignore[union-attr] # or the test fails
            listed(dict(message.items())),
        )
    ]


def listed(headers: dict[str, str]) -> dict[str, str]:
    """Only those headers of a message that compose wrote."""
    wanted = ("List-", "Auto-Submitted", "X-Auto")
    return {name: str(value) for name, value in headers.items() if name.startswith(wanted)}


SES = Api(
    name="ses",
    dsn="ses://AKIDEXAMPLE:k%2Fey@{host}?scheme=http&region=eu-central-1",
    path="/v2/email/outbound-emails",
    read=_read_ses,
    yes=lambda count: as_json(200, {"MessageId": "ses0"}),
    ids=_numbered("ses"),
    is_authorised=lambda r: r.headers["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"
    ),
)

# --- Brevo ---


def _read_brevo(request: Request) -> list[Seen]:
    payload = request.get_json()
    assert len(payload["headers"]["idempotencyKey"]) == 36
    return [
        Seen(
            [to["email"] for to in version["to"]],
            _pair(payload["sender"]),
            version["subject"],
            version["textContent"],
            version["htmlContent"],
            {
                name: value
                for name, value in version["headers"].items()
                if name not in ("idempotencyKey", "X-Mailin-custom")
            },
        )
        for version in payload.get("messageVersions", [payload])
    ]


BREVO = Api(
    name="brevo",
    dsn="brevo://k%2Fey@{host}?scheme=http",
    path="/v3/smtp/email",
    read=_read_brevo,
    yes=lambda count: as_json(
        201,
        {"messageId": "b0"}
        if count == 1
        else {"messageIds": [f"b{number}" for number in range(count)]},
    ),
    ids=_numbered("b"),
    is_authorised=lambda request: request.headers.get("api-key") == "k/ey",
    batch=3,
)

# --- Resend ---


def _read_resend(request: Request) -> list[Seen]:
    assert request.headers["Idempotency-Key"]
    return [
        Seen(m["to"], parseaddr(m["from"]), m["subject"], m["text"], m["html"], m["headers"])
        for m in request.get_json()
    ]


RESEND = Api(
    name="resend",
    dsn="resend://k%2Fey@{host}?scheme=http",
    path="/emails/batch",
    read=_read_resend,
    yes=lambda count: as_json(200, {"data": [{"id": f"re{number}"} for number in range(count)]}),
    ids=_numbered("re"),
    partly=lambda count: as_json(
        200,
        {
            "data": [{"id": f"re{number}"} for number in range(count) if number != 1],
            "errors": [{"index": 1, "message": "invalid: someone@example.org"}],
        },
    ),
    partly_error="resend_invalid",
    is_authorised=_bearer,
    batch=3,
)

# --- Mailjet ---


def _read_mailjet(request: Request) -> list[Seen]:
    return [
        Seen(
            [to["Email"] for to in m["To"]],
            _pair(m["From"], "Email", "Name"),
            m["Subject"],
            m["TextPart"],
            m["HTMLPart"],
            m["Headers"],
        )
        for m in request.get_json()["Messages"]
        if m["TrackOpens"] == m["TrackClicks"] == "disabled"
    ]


def _mailjet(status: int, count: int, *, refused: tuple[int, ...] = ()) -> Response:
    failure = {"Status": "error", "Errors": [{"ErrorCode": "mj-0013", "StatusCode": 400}]}
    return as_json(
        status,
        {
            "Messages": [
                failure
                if number in refused
                else {"Status": "success", "To": [{"MessageID": 4611686018427387904 + number}]}
                for number in range(count)
            ]
        },
    )


MAILJET = Api(
    name="mailjet",
    dsn="mailjet://id:k%2Fey@{host}?scheme=http",
    path="/v3.1/send",
    read=_read_mailjet,
    yes=lambda count: _mailjet(200, count),
    ids=lambda count: [str(4611686018427387904 + number) for number in range(count)],
    partly=lambda count: _mailjet(400, count, refused=(1,)),
    partly_error="mailjet_mj-0013",
    is_authorised=lambda r: bool(r.authorization and r.authorization.password == "k/ey"),
    batch=3,
)

# --- Mailtrap ---


def _read_mailtrap(request: Request) -> list[Seen]:
    return [
        Seen(
            [to["email"] for to in m["to"]],
            _pair(m["from"]),
            m["subject"],
            m["text"],
            m["html"],
            m["headers"],
        )
        for m in request.get_json()["requests"]
    ]


def _mailtrap(count: int, *, refused: tuple[int, ...] = ()) -> Response:
    return as_json(
        200,
        {
            "success": True,
            "responses": [
                {"success": False, "errors": ["'to' is invalid"]}
                if number in refused
                else {"success": True, "message_ids": [f"mt{number}"]}
                for number in range(count)
            ],
        },
    )


MAILTRAP = Api(
    name="mailtrap",
    dsn="mailtrap://k%2Fey@{host}?scheme=http",
    path="/api/batch",
    read=_read_mailtrap,
    yes=_mailtrap,
    ids=_numbered("mt"),
    partly=lambda count: _mailtrap(count, refused=(1,)),
    partly_error="mailtrap_invalid",
    is_authorised=_bearer,
    batch=3,
)

# --- Scaleway ---


def _read_scaleway(request: Request) -> list[Seen]:
    m = request.get_json()
    assert m["project_id"] == "project"
    return [
        Seen(
            [to["email"] for to in m["to"]],
            _pair(m["from"]),
            m["subject"],
            m["text"],
            m["html"],
            {header["key"]: header["value"] for header in m["additional_headers"]},
        )
    ]


SCALEWAY = Api(
    name="scaleway",
    dsn="scaleway://project:k%2Fey@{host}?scheme=http&region=nl-ams",
    path="/transactional-email/v1alpha1/regions/nl-ams/emails",
    read=_read_scaleway,
    yes=lambda count: as_json(200, {"emails": [{"id": "sw0", "status": "new"}]}),
    ids=_numbered("sw"),
    is_authorised=lambda request: request.headers.get("X-Auth-Token") == "k/ey",
)

# --- Mailpit ---


def _read_mailpit(request: Request) -> list[Seen]:
    m = request.get_json()
    return [
        Seen(
            [to["Email"] for to in m["To"]],
            _pair(m["From"], "Email", "Name"),
            m["Subject"],
            m["Text"],
            m["HTML"],
            m["Headers"],
        )
    ]


MAILPIT = Api(
    name="mailpit",
    dsn="mailpit://me:k%2Fey@{host}?scheme=http",
    path="/api/v1/send",
    read=_read_mailpit,
    yes=lambda count: as_json(200, {"ID": "mp0"}),
    ids=_numbered("mp"),
    is_authorised=lambda r: bool(r.authorization and r.authorization.password == "k/ey"),
)

APIS = (
    POSTMARK,
    SENDGRID,
    MAILGUN,
    SES,
    BREVO,
    RESEND,
    MAILJET,
    MAILTRAP,
    SCALEWAY,
    MAILPIT,
)
