"""Each provider's events: what they mean, and what does not get in."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from service.domain.errors import EventAuthError, EventFormatError, NotFoundError
from service.mail.events.registry import EventParsers
from service.mail.events.request import EventRequest
from tests.mail.events import senders
from tests.mail.events.payloads import HARD_BOUNCES, MEANINGS, NAMES, OURS, READER
from tests.mail.events.senders import NOW, SECRET, SECRETS, SENDERS, request

PARSERS = EventParsers(SECRETS, get=senders.get)
AT = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
MALFORMED = ["", "{", "[[[", "\x00", "7", "null", '"text"', "[7]", "[" * 100_000]


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel(NOW, tick=False):
        yield


def altered(given: EventRequest, **headers: str | None) -> EventRequest:
    kept = {**given.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return EventRequest(
        headers={name: value for name, value in kept.items() if value is not None},
        body=given.body,
        received_at=given.received_at,
    )


@pytest.mark.parametrize(("provider", "payload", "meaning"), MEANINGS)
def test_an_event_means_the_same_whoever_reports_it(provider, payload, meaning):
    parsed = PARSERS(provider, SENDERS[provider](payload))
    if meaning is None:
        assert (parsed.events, parsed.ignored) == ((), 1)
        return
    (event,) = parsed.events
    assert event.kind == meaning
    assert event.at.replace(microsecond=0) == AT
    assert event.message_id == (None if provider == "scaleway" else UUID(OURS))
    assert event.provider_message_id == NAMES[provider]
    assert event.recipient == READER
    assert READER not in event.event_id
    assert READER not in (event.detail or "")


@pytest.mark.parametrize("provider", SENDERS)
def test_a_repeated_event_has_the_same_id(provider):
    send = SENDERS[provider]
    first, second = (PARSERS(provider, send(HARD_BOUNCES[provider])).events[0] for _ in range(2))
    assert first.event_id == second.event_id


@pytest.mark.parametrize("provider", SENDERS)
def test_without_a_secret_everything_is_refused(provider):
    given = SENDERS[provider](HARD_BOUNCES[provider])
    for secrets in ({}, {provider: ""}):
        with pytest.raises(EventAuthError, match=f"NEWSFLASH_WEBHOOK_SECRET_{provider.upper()}"):
            EventParsers(secrets, get=senders.get)(provider, given)


@pytest.mark.parametrize("provider", SENDERS)
def test_a_request_that_proves_nothing_is_refused(provider):
    body = SENDERS[provider](HARD_BOUNCES[provider]).body
    if provider in ("mailgun", "ses", "scaleway"):  # the signature is in the body
        whole = json.loads(body)
        whole.pop("signature", None)
        whole.pop("Signature", None)
        body = json.dumps(whole).encode()
    with pytest.raises(EventAuthError):
        PARSERS(provider, request(body))


OTHER_SECRETS = {
    **dict.fromkeys(("brevo", "mailgun", "mailjet", "mailtrap", "postmark"), "another"),
    "resend": "whsec_" + b64encode(b"another-secret-altogether").decode(),
    "sendgrid": b64encode(
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode(),
    "ses": senders.TOPIC + "-other",
    "scaleway": senders.SCALEWAY_TOPIC + "-other",
}


@pytest.mark.parametrize("provider", SENDERS)
def test_a_request_under_another_secret_is_refused(provider):
    parse = EventParsers(OTHER_SECRETS, get=senders.get)
    with pytest.raises(EventAuthError):
        parse(provider, SENDERS[provider](HARD_BOUNCES[provider]))


@pytest.mark.parametrize("provider", ["sendgrid", "mailtrap", "resend"])
def test_a_changed_body_is_refused(provider):
    given = SENDERS[provider](HARD_BOUNCES[provider])
    changed = EventRequest(
        headers=given.headers, body=given.body + b" ", received_at=given.received_at
    )
    with pytest.raises(EventAuthError):
        PARSERS(provider, changed)


@pytest.mark.parametrize("body", MALFORMED)
@pytest.mark.parametrize("provider", SENDERS)
def test_an_authentic_body_that_makes_no_sense_is_told_so(provider, body):
    # The envelope of SNS is malformed here: what it carries may be plain words.
    is_sns = provider in ("ses", "scaleway")
    with pytest.raises(EventFormatError):
        PARSERS(provider, request(body) if is_sns else SENDERS[provider](body))


@pytest.mark.parametrize("value", [None, 7, True, "é" * 300, "\x00", "\ud800", [], {}, 1e400, -1])
@pytest.mark.parametrize(
    "provider", ["brevo", "mailgun", "mailjet", "mailtrap", "postmark", "sendgrid"]
)
def test_fields_of_a_wrong_kind_are_as_absent(provider, value):
    payload = HARD_BOUNCES[provider]
    plain = payload["events"] if provider == "mailtrap" else payload
    items = plain if isinstance(plain, list) else [plain]
    odd = [
        {**item, name: value}
        for item in items
        for name in item
        if name not in ("event", "RecordType", "severity", "hard_bounce", "Type", "reason")
    ]
    assert odd
    for item in odd:
        body = {"mailtrap": {"events": [item]}}.get(provider, item)
        for event in PARSERS(provider, SENDERS[provider](body)).events:
            assert event.event_id.isascii()
            assert (event.provider_message_id or "").isascii()
            assert event.at <= NOW


@pytest.mark.parametrize("provider", ["sendgrid", "mailtrap", "brevo", "mailjet"])
def test_many_events_come_in_one_request(provider):
    payload = HARD_BOUNCES[provider]
    (item,) = (
        payload["events"]
        if provider == "mailtrap"
        else ([payload] if provider == "brevo" else payload)
    )
    many = [
        {**item, "event_id": f"e{n}", "sg_event_id": f"e{n}", "ts_epoch": n + 1, "time": n}
        for n in range(500)
    ] + [{**item, "event": "open"}]
    parsed = PARSERS(
        provider, SENDERS[provider]({"events": many} if provider == "mailtrap" else many)
    )
    assert len({event.event_id for event in parsed.events}) == 500
    assert parsed.ignored == 1


def batch(provider, items):
    return SENDERS[provider]({"events": items} if provider == "mailtrap" else items)


def one(provider):
    payload = HARD_BOUNCES[provider]
    plain = payload["events"] if provider == "mailtrap" else payload
    return plain[0] if isinstance(plain, list) else plain


@pytest.mark.parametrize("odd", [None, 7, "text", [], [[]], True])
@pytest.mark.parametrize("provider", ["sendgrid", "mailtrap", "brevo", "mailjet"])
def test_a_malformed_entry_costs_no_other(provider, odd):
    parsed = PARSERS(provider, batch(provider, [odd, one(provider), odd]))
    assert [event.kind for event in parsed.events] == ["hard_bounce"]
    assert (parsed.ignored, parsed.malformed) == (0, 2)


@pytest.mark.parametrize("value", [None, 7, True, [], {}, "", "\x00", "\ud800", "é", "x" * 100_000])
@pytest.mark.parametrize("provider", SENDERS)
def test_an_event_of_a_type_that_is_none_is_not_understood(provider, value):
    names = {"postmark": "RecordType", "resend": "type", "ses": "eventType", "scaleway": "type"}
    payload = {**one(provider), names.get(provider, "event"): value}
    given = {"mailtrap": {"events": [payload]}}.get(provider, payload)
    parsed = PARSERS(provider, SENDERS[provider](given))
    assert [event.kind for event in parsed.events] == ["not_understood"]


@pytest.mark.parametrize("value", [None, 7, True, [], {}, "\x00", "\ud800", "x" * 100_000])
@pytest.mark.parametrize("provider", SENDERS)
def test_a_reason_of_a_wrong_kind_suppresses_nobody(provider, value):
    """Whatever says why: in doubt it is no hard bounce, and never an error."""
    reasons = {
        "sendgrid": {"status": value, "reason": value, "bounce_classification": value},
        "mailgun": {"reason": value, "delivery-status": value},
        "mailtrap": {"bounce_category": value, "response": value, "response_code": value},
        "resend": {"data": {**one("resend")["data"], "bounce": value}},
        "postmark": {"Type": value, "Details": value},
        "brevo": {"event": "soft_bounce", "reason": value},
        "mailjet": {"error": value, "hard_bounce": value, "comment": value},
        "ses": {"bounce": value},
        "scaleway": {"type": "email_dropped", "email_response_message": value},
    }
    payload = {**one(provider), **reasons[provider]}
    given = {"mailtrap": {"events": [payload]}}.get(provider, payload)
    (event,) = PARSERS(provider, SENDERS[provider](given)).events
    assert event.kind in ("soft_bounce", "not_understood")


def test_a_name_that_is_there_twice_with_two_values_is_absent():
    text = json.dumps(one("brevo"))
    for name, twice in (("event", '"event": "delivered"'), ("event", '"event": null')):
        assert f'"{name}": ' in text
        (event,) = PARSERS("brevo", senders.with_secret(f"{text[:-1]}, {twice}}}")).events
        assert event.kind == "not_understood"
    same = f'{text[:-1]}, "event": {json.dumps(one("brevo")["event"])}}}'
    assert PARSERS("brevo", senders.with_secret(same)).events[0].kind == "hard_bounce"


@pytest.mark.parametrize(
    "moment",
    [0, -1, 1, 10**11, 10**30, 1e400, -1e400, "0001-01-01T00:00:00+14:00", "9999-12-31", ""],
)
def test_a_time_out_of_range_is_the_time_of_receipt(moment):
    (event,) = PARSERS("mailjet", senders.with_secret({**one("mailjet"), "time": moment})).events
    assert event.at == NOW


def test_a_number_of_thousands_of_digits_costs_no_other_event():
    items = json.dumps([one("mailjet"), {**one("mailjet"), "time": "NUMBER"}])
    body = items.replace('"NUMBER"', "9" * 5_000)
    events = PARSERS("mailjet", senders.with_secret(body)).events
    assert [event.kind for event in events] == ["hard_bounce", "hard_bounce"]


def test_a_broken_line_of_mailtrap_costs_no_other():
    item = one("mailtrap")
    lines = "\n".join([json.dumps({**item, "event_id": "a"}), '{"event": "bou', "7"])
    parsed = PARSERS("mailtrap", senders.mailtrap(lines))
    assert [event.event_id for event in parsed.events] == ["a"]
    assert parsed.malformed == 2


def test_mailtrap_may_send_a_line_an_event():
    (item,) = HARD_BOUNCES["mailtrap"]["events"]
    assert len(PARSERS("mailtrap", senders.mailtrap([item])).events) == 1
    lines = "\n".join(json.dumps({**item, "event_id": name}) for name in "ab") + "\n"
    assert [event.event_id for event in PARSERS("mailtrap", senders.mailtrap(lines)).events] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    ("provider", "age", "is_taken"),
    [
        ("sendgrid", timedelta(hours=24), True),
        ("sendgrid", timedelta(hours=26), False),
        ("sendgrid", timedelta(minutes=-10), False),
        ("mailgun", timedelta(hours=8), True),
        ("mailgun", timedelta(hours=10), False),
        ("mailgun", timedelta(minutes=-10), False),
        ("resend", timedelta(minutes=4), True),
        ("resend", timedelta(minutes=6), False),
        ("resend", timedelta(minutes=-6), False),
    ],
)
def test_a_signature_holds_as_long_as_its_request_may_be_repeated(provider, age, is_taken):
    given = getattr(senders, provider)(HARD_BOUNCES[provider], at=NOW - age)
    if is_taken:
        assert PARSERS(provider, given).events
    else:
        with pytest.raises(EventAuthError):
            PARSERS(provider, given)


def test_a_mailgun_token_is_one_event_whatever_is_put_beside_it():
    events = [
        PARSERS("mailgun", senders.mailgun(payload)).events[0]
        for provider, payload, meaning in MEANINGS
        if provider == "mailgun" and meaning in ("complaint", "unsubscribed")
    ]
    assert {event.kind for event in events} == {"complaint", "unsubscribed"}
    assert {event.event_id for event in events} == {"t" * 50}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-webhook-secret", SECRET),
        ("authorization", f"Bearer {SECRET}"),
        ("authorization", f"basic {b64encode(f'any:{SECRET}'.encode()).decode()}"),
    ],
)
def test_a_shared_secret_comes_in_whichever_place_there_is(name, value):
    body = json.dumps(HARD_BOUNCES["postmark"])
    assert PARSERS("postmark", request(body, **{name: value})).events


def test_a_shared_secret_may_be_user_and_password():
    parse = EventParsers({"brevo": "user:pass"})
    body = json.dumps(HARD_BOUNCES["brevo"])
    good, bad = (b64encode(pair).decode() for pair in (b"user:pass", b"other:pass"))
    assert parse("brevo", request(body, authorization=f"Basic {good}")).events
    with pytest.raises(EventAuthError):
        parse("brevo", request(body, authorization=f"Basic {bad}"))


@pytest.mark.parametrize(
    "value", ["", "Basic", "Basic !", "Basic /w==", "Basic Og==", "Bearer", "Bearer é", "Digest x"]
)
def test_a_wrong_shared_secret_is_refused(value):
    with pytest.raises(EventAuthError):
        PARSERS("mailjet", request("[]", authorization=value))


@pytest.mark.parametrize(
    ("provider", "headers"),
    [
        ("sendgrid", {"x_twilio_email_event_webhook_signature": "no base64!"}),
        ("sendgrid", {"x_twilio_email_event_webhook_signature": None}),
        ("sendgrid", {"x_twilio_email_event_webhook_timestamp": "soon"}),
        ("resend", {"svix_signature": "nonsense"}),
        ("resend", {"svix_signature": "v1,!!"}),
        ("resend", {"svix_timestamp": "nan"}),
        ("resend", {"svix_id": None}),
        ("mailtrap", {"mailtrap_signature": "é"}),
    ],
)
def test_a_malformed_signature_is_refused(provider, headers):
    with pytest.raises(EventAuthError):
        PARSERS(provider, altered(SENDERS[provider](HARD_BOUNCES[provider]), **headers))


@pytest.mark.parametrize("secret", ["no key", "AAAA", senders.SECRET])
@pytest.mark.parametrize("provider", ["sendgrid", "resend"])
def test_a_secret_that_is_no_key_refuses_all(provider, secret):
    with pytest.raises(EventAuthError):
        EventParsers({provider: secret})(provider, SENDERS[provider](HARD_BOUNCES[provider]))


def test_a_request_that_sendgrid_really_signed_is_authentic():
    """The key, signature and body that Twilio's helper libraries are tested with."""
    key = (
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe6"
        "2gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
    )
    signature = (
        "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15Tl"
        "uLtEZtM="
    )
    body = (
        '[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":'
        '"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4ko'
        'fSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4ko'
        'fSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
    )
    headers = {
        "x_twilio_email_event_webhook_signature": signature,
        "x_twilio_email_event_webhook_timestamp": "1600112502",
    }
    then = datetime.fromtimestamp(1600112502, UTC)
    parse = EventParsers({"sendgrid": key})
    (event,) = parse("sendgrid", request(body, at=then, **headers)).events
    assert (event.kind, event.provider_message_id) == ("soft_bounce", "LRzXl_NHStOGhQ4kofSm_A")
    with pytest.raises(EventAuthError):
        parse("sendgrid", request(body.strip(), at=then, **headers))


def test_the_example_of_svix_is_authentic():
    """The secret, signature and body of Svix's documentation on verifying by hand."""
    then = datetime.fromtimestamp(1614265330, UTC)
    headers = {
        "svix_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix_timestamp": "1614265330",
        "svix_signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    parse = EventParsers({"resend": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
    with time_machine.travel(then, tick=False):
        given = request('{"test": 2432232314}', at=then, **headers)
        assert [event.kind for event in parse("resend", given).events] == ["not_understood"]


def test_a_sendgrid_key_may_be_pem():
    pem = (
        senders.EC_KEY.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    assert EventParsers({"sendgrid": pem})(
        "sendgrid", senders.sendgrid(HARD_BOUNCES["sendgrid"])
    ).events


def test_a_time_may_have_more_digits_than_ours():
    payload = HARD_BOUNCES["postmark"] | {"BouncedAt": "2026-03-01T06:59:00.2735393-05:00"}
    (event,) = PARSERS("postmark", senders.with_secret(payload)).events
    assert event.at == AT + timedelta(microseconds=273539)


@pytest.mark.parametrize("tags", [[{"name": "message_id", "value": OURS}], {"message_id": OURS}])
def test_resend_shows_tags_in_two_ways(tags):
    payload = HARD_BOUNCES["resend"]
    payload = {**payload, "data": {**payload["data"], "tags": tags}}
    assert PARSERS("resend", senders.resend(payload)).events[0].message_id == UUID(OURS)


@pytest.mark.parametrize("provider", ["mailpit", "smtp", "mailbox", "nobody", ""])
def test_a_provider_that_reports_nothing_is_not_found(provider):
    with pytest.raises(NotFoundError):
        EventParsers({provider: SECRET})(provider, request("{}"))
