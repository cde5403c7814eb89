"""What single mail APIs say in words of their own, and what we make of it."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from service.domain.delivery.retry import SendOutcome
from service.mail.compose import compose
from service.mail.provider import (
    Mail,
    MisconfiguredError,
    OutcomeUnknownError,
    Provider,
    ProviderError,
    RejectedError,
    SenderRefusedError,
    SendResult,
    TemporaryError,
)
from service.mail.registry import build_provider
from tests.mail.apis import (
    BREVO,
    MAILGUN,
    MAILJET,
    MAILTRAP,
    POSTMARK,
    RESEND,
    SENDGRID,
    SES,
    Api,
    as_json,
)
from tests.mail.samples import KEY, make_input, make_list, make_mails
from tests.mail.samples import send as send_mails

Send = Callable[..., list[SendResult]]


@pytest.fixture
def send(httpserver: HTTPServer, tmp_path: Path) -> Iterator[Send]:
    built: list[Provider] = []

    def _send(api: Api, response: Response, mails: list[Mail] | None = None) -> list[SendResult]:
        httpserver.expect_request(api.path).respond_with_response(response)
        dsn = api.dsn.format(host=f"{httpserver.host}:{httpserver.port}")
        built.append(build_provider(dsn, mailbox_dir=tmp_path))
        return list(send_mails(built[-1], mails or make_mails(1)))

    yield _send
    for provider in built:
        provider.close()


def whom(send_result: SendResult) -> str | None:
    """Whom a result says is not taken, beside the one message."""
    if send_result.refuses_account:
        return "account"
    return "sender" if send_result.refuses_sender else None


@pytest.mark.parametrize(
    ("code", "outcome", "blamed"),
    [
        (406, SendOutcome.REJECTED, None),
        (300, SendOutcome.REJECTED, None),
        (402, SendOutcome.REJECTED, None),
        (403, SendOutcome.REJECTED, None),
        (1101, SendOutcome.REJECTED, None),
        (100, SendOutcome.TEMPORARY, None),
        (10, SendOutcome.MISCONFIGURED, "account"),
        (400, SendOutcome.MISCONFIGURED, "sender"),
        (401, SendOutcome.MISCONFIGURED, "sender"),
        (405, SendOutcome.MISCONFIGURED, "account"),
        (412, SendOutcome.MISCONFIGURED, "account"),
        (413, SendOutcome.MISCONFIGURED, "account"),
        (1221, SendOutcome.MISCONFIGURED, "account"),
        (1235, SendOutcome.MISCONFIGURED, "account"),
        (1236, SendOutcome.MISCONFIGURED, "account"),
    ],
)
def test_postmark_says_it_by_error_code(
    send: Send, code: int, outcome: SendOutcome, blamed: str | None
) -> None:
    (send_result,) = send(POSTMARK, as_json(200, [{"ErrorCode": code, "Message": "x"}]))
    assert (send_result.outcome, send_result.error) == (outcome, f"postmark_{code}")
    assert whom(send_result) == blamed
    assert send_result.provider_message_id is None


@pytest.mark.parametrize(
    ("api", "status", "body", "headers", "kind", "code"),
    [
        (POSTMARK, 422, {"ErrorCode": 10}, {}, MisconfiguredError, "postmark_10"),
        (POSTMARK, 422, {"ErrorCode": 300}, {}, RejectedError, "http_422"),
        (POSTMARK, 422, {"ErrorCode": 402}, {}, RejectedError, "http_422"),
        (POSTMARK, 422, {"ErrorCode": 412}, {}, MisconfiguredError, "postmark_412"),
        (RESEND, 409, {"name": "concurrent_idempotent_requests"}, {},
         TemporaryError, "resend_concurrent"),
        (RESEND, 409, {"name": "invalid_idempotent_request"}, {},
         OutcomeUnknownError, "resend_key_used"),
        (RESEND, 409, {}, {}, OutcomeUnknownError, "resend_key_used"),
        (RESEND, 422, {"name": "invalid_from_address"}, {},
         SenderRefusedError, "resend_invalid_from_address"),
        (RESEND, 403, {"name": "validation_error"}, {},
         SenderRefusedError, "resend_validation_error"),
        (RESEND, 403, {"name": "invalid_api_key"}, {},
         MisconfiguredError, "resend_invalid_api_key"),
        (POSTMARK, 422, {"ErrorCode": 400}, {}, SenderRefusedError, "postmark_400"),
        (SENDGRID, 403, {"errors": [{"field": "from", "message": "x"}]}, {},
         SenderRefusedError, "sendgrid_from"),
        (SENDGRID, 403, {"errors": [{"field": None}, 7]}, {}, MisconfiguredError, "http_403"),
        (SENDGRID, 403, {"errors": 7}, {}, MisconfiguredError, "http_403"),
        (SES, 400, {"message": "Email address is not verified. The following …"},
         {"x-amzn-ErrorType": "MessageRejected"}, SenderRefusedError, "ses_MessageRejected"),
        (SES, 400, {}, {"x-amzn-ErrorType": "MailFromDomainNotVerifiedException"},
         SenderRefusedError, "ses_MailFromDomainNotVerifiedException"),
        (RESEND, 422, {"name": "validation_error"}, {}, RejectedError, "http_422"),
        (BREVO, 400, {"code": "not_enough_credits"}, {},
         MisconfiguredError, "brevo_not_enough_credits"),
        (BREVO, 400, {"code": "invalid_parameter"}, {}, RejectedError, "http_400"),
        (SES, 400, {}, {"x-amzn-ErrorType": "ThrottlingException"},
         TemporaryError, "ses_ThrottlingException"),
        (SES, 400, {}, {"x-amzn-ErrorType": "SendingPausedException:http://x/"},
         MisconfiguredError, "ses_SendingPausedException"),
        (SES, 400, {}, {"x-amzn-ErrorType": "MessageRejected"},
         RejectedError, "ses_MessageRejected"),
        (SES, 400, {}, {"x-amzn-ErrorType": "me@example.org"}, RejectedError, "http_400"),
        (MAILJET, 400, {"ErrorCode": "mj-0004"}, {}, RejectedError, "http_400"),
    ],
)  # fmt: skip
def test_refused_call_is_understood(
    send: Send,
    api: Api,
    status: int,
    body: object,
    headers: dict[str, str],
    kind: type[ProviderError],
    code: str,
) -> None:
    response = as_json(status, body)
    response.headers.update(headers)
    with pytest.raises(ProviderError) as caught:
        send(api, response)
    assert (type(caught.value), caught.value.code) == (kind, code)


def test_brevo_key_that_came_before_means_taken(send: Send) -> None:
    send_results = send(BREVO, as_json(400, {"code": "duplicate_parameter"}), make_mails(2))
    assert [send_result.outcome for send_result in send_results] == [SendOutcome.ACCEPTED] * 2
    assert [send_result.provider_message_id for send_result in send_results] == [None, None]


@pytest.mark.parametrize(
    ("error", "outcome", "blamed"),
    [
        ({"ErrorCode": "send-0008", "StatusCode": 403}, SendOutcome.MISCONFIGURED, "sender"),
        ({"ErrorCode": "mj-0002", "StatusCode": 401}, SendOutcome.MISCONFIGURED, "account"),
        ({"ErrorCode": "mj-0001", "StatusCode": 500}, SendOutcome.TEMPORARY, None),
        ({"ErrorCode": "mj-0013", "StatusCode": 400}, SendOutcome.REJECTED, None),
    ],
)
def test_mailjet_says_it_by_message(
    send: Send, error: dict[str, object], outcome: SendOutcome, blamed: str | None
) -> None:
    body = {"Messages": [{"Status": "error", "Errors": [error]}]}
    (send_result,) = send(MAILJET, as_json(400, body))
    assert (send_result.outcome, whom(send_result)) == (outcome, blamed)


@pytest.mark.parametrize(
    ("unverified", "kind", "code"),
    [
        ("{sender}", SenderRefusedError, "ses_MessageRejected"),
        ("{sender}, {recipient}", SenderRefusedError, "ses_MessageRejected"),
        ("{recipient}", MisconfiguredError, "ses_sandbox"),
    ],
)
def test_ses_in_its_sandbox_refuses_the_account_not_the_sender(
    send: Send, unverified: str, kind: type[ProviderError], code: str
) -> None:
    (mail,) = make_mails(1)
    who = unverified.format(sender=mail.sender.address, recipient=mail.recipient)
    said = f"Email address is not verified. The following identities failed the check: {who}"
    response = as_json(400, {"message": said})
    response.headers["x-amzn-ErrorType"] = "MessageRejected"
    with pytest.raises(ProviderError) as caught:
        send(SES, response, [mail])
    assert (type(caught.value), caught.value.code) == (kind, code)


_RAW = "ada@example.org\x00\ud800 is " + "x" * 5_000


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (POSTMARK, [{"ErrorCode": _RAW}]),
        (MAILJET, {"Messages": [{"Status": "error", "Errors": [{"ErrorCode": _RAW}]}]}),
    ],
    ids=str,
)
def test_error_of_a_message_is_short_and_without_an_address(
    send: Send, api: Api, body: object
) -> None:
    (send_result,) = send(api, as_json(200, body))
    assert send_result.outcome is SendOutcome.REJECTED
    assert (send_result.error or "").startswith("[address] is ")
    assert len(send_result.error or "") <= 64


@pytest.mark.parametrize(
    "odd",
    [[1], {"a": 1}, None, True, False, 1.5, "[" * 100_000],
    ids=lambda odd: repr(odd)[:9],
)
@pytest.mark.parametrize(
    ("api", "name"), [(POSTMARK, "ErrorCode"), (RESEND, "name"), (BREVO, "code")], ids=str
)
def test_refusal_whose_code_is_none_is_a_refusal(
    send: Send, api: Api, name: str, odd: object
) -> None:
    body = Response(odd, 422) if isinstance(odd, str) else as_json(422, {name: odd})
    with pytest.raises(RejectedError, match="http_422"):
        send(api, body)


@pytest.mark.parametrize("odd", [[0], {}, None, False, 0.5], ids=repr)
@pytest.mark.parametrize("api", [POSTMARK, MAILJET], ids=str)
def test_result_whose_code_is_none_means_unknown(send: Send, api: Api, odd: object) -> None:
    result = {"ErrorCode": odd, "MessageID": "x"}
    body = {"Messages": [{"Status": "error", "Errors": [result]}]} if api is MAILJET else [result]
    with pytest.raises(OutcomeUnknownError, match="malformed_answer"):
        send(api, as_json(200, body))


@pytest.mark.parametrize("api", [POSTMARK, RESEND, MAILJET, MAILTRAP, BREVO], ids=str)
def test_answer_for_fewer_mails_than_were_sent_means_unknown(send: Send, api: Api) -> None:
    with pytest.raises(OutcomeUnknownError, match="malformed_answer"):
        send(api, api.yes(2), make_mails(3))


@pytest.mark.parametrize("api", [SENDGRID, MAILGUN, BREVO], ids=str)
def test_mails_of_two_senders_are_refused_before_the_call(
    send: Send, httpserver: HTTPServer, api: Api
) -> None:
    other = make_list(sender="Other <other@example.net>")
    mails = [*make_mails(1), compose(make_input(2, lists=(other,)))]
    with pytest.raises(RejectedError, match="batch_mixed"):
        send(api, api.yes(2), mails)
    assert httpserver.log == []


def test_mailgun_refuses_one_address_twice_in_a_call(send: Send, httpserver: HTTPServer) -> None:
    mails = [compose(make_input(n, recipient="Same@example.org")) for n in (1, 2)]
    with pytest.raises(RejectedError, match="batch_mixed"):
        send(MAILGUN, MAILGUN.yes(2), mails)
    assert httpserver.log == []


def test_sendgrid_refuses_substitutions_that_are_too_long(
    send: Send, httpserver: HTTPServer
) -> None:
    lists = tuple(make_list("x" * 500, slug=f"l{n}") for n in range(12))
    mails = [compose(make_input(n, lists=lists)) for n in (1, 2)]
    with pytest.raises(RejectedError, match="batch_too_long"):
        send(SENDGRID, SENDGRID.yes(2), mails)
    assert httpserver.log == []
    assert send(SENDGRID, SENDGRID.yes(1), mails[:1])[0].outcome is SendOutcome.ACCEPTED


def test_resend_key_is_the_batch_key_and_brevo_one_follows_from_it(
    send: Send, httpserver: HTTPServer
) -> None:
    send(RESEND, RESEND.yes(1))
    send(BREVO, BREVO.yes(1))
    send(BREVO, BREVO.yes(1))
    resend, *brevo = (request for request, _ in httpserver.log)
    assert resend.headers["Idempotency-Key"] == KEY
    first, second = (request.get_json()["headers"]["idempotencyKey"] for request in brevo)
    assert first == second


def test_mailgun_region_chooses_the_address(tmp_path: Path) -> None:
    for region, address in (("us", "api.mailgun.net"), ("eu", "api.eu.mailgun.net")):
        dsn = f"mailgun://key@default?domain=mg.example.org&region={region}"
        provider = build_provider(dsn, mailbox_dir=tmp_path)
        with closing(provider):
            assert getattr(provider, "url", None) == f"https://{address}"
