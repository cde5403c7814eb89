"""Messages of SNS topics: nothing is fetched for a stranger, or believed without a signature."""

import json
from datetime import timedelta

import pytest

from service.domain.errors import EventAuthError, UnavailableError
from service.mail.events.scaleway import ScalewayEvents
from service.mail.events.ses import SesEvents
from tests.mail.events.payloads import HARD_BOUNCES
from tests.mail.events.senders import (
    CERTIFICATE_URL,
    NOW,
    SCALEWAY_CERTIFICATE_URL,
    SCALEWAY_CHAIN_URL,
    SCALEWAY_SUBSCRIBE_URL,
    SCALEWAY_TOPIC,
    SUBSCRIBE_URL,
    TOPIC,
    Authority,
    aws,
    request,
    scaleway,
)

BOUNCE = HARD_BOUNCES["ses"]
CONFIRM = {
    "Type": "SubscriptionConfirmation",
    "Token": "2336412f37",
    "SubscribeURL": SUBSCRIBE_URL,
}


@pytest.fixture
def sns():
    return aws()


def ses(authority: Authority, message: dict[str, str], *, at=NOW):
    return SesEvents(authority.fetch)(request(json.dumps(message), at=at), TOPIC)


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_are_good(sns, version):
    assert ses(sns, sns.message(BOUNCE, SignatureVersion=version)).events


def test_a_notification_may_lack_its_subject(sns):
    message = sns.message(BOUNCE)
    del message["Subject"]
    assert ses(sns, sns.sign(message)).events


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"},
        {"MessageId": "another"},
        {"Timestamp": "2026-03-01T12:00:00.000Z"},
        {"Type": "UnsubscribeConfirmation"},
        {"Type": "Other"},
        {"TopicArn": TOPIC + "2"},
        {"Signature": "AAAA"},
        {"Signature": "no base64"},
        {"SignatureVersion": "3"},
        {"SignatureVersion": "1"},
    ],
)
def test_a_changed_message_is_refused(sns, change):
    with pytest.raises(EventAuthError):
        ses(sns, sns.message(BOUNCE) | change)


def test_another_topic_is_refused_before_anything_is_fetched(sns):
    with pytest.raises(EventAuthError, match="topic"):
        ses(sns, sns.message(BOUNCE, TopicArn="arn:aws:sns:eu-central-1:666:evil"))
    assert sns.fetched == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        CERTIFICATE_URL.replace("https", "http"),
        CERTIFICATE_URL.replace(".com/", ".com.evil.example/"),
        CERTIFICATE_URL.replace(".com/", ".com:8443/"),
        CERTIFICATE_URL.replace("//", "//user@"),
        CERTIFICATE_URL.replace("sns.", "evil."),
        CERTIFICATE_URL.replace("sns.eu-central-1", "sns.s3"),
        CERTIFICATE_URL.replace("sns.eu-central-1", "sns.s3-us-west-2"),
        CERTIFICATE_URL.replace("/Simple", "/../Simple"),
        CERTIFICATE_URL + "?x=1",
        CERTIFICATE_URL + "\n",
        "https://169.254.169.254/latest/meta-data/",
        "https://evil.example/?" + CERTIFICATE_URL,
    ],
)
def test_a_certificate_elsewhere_is_neither_fetched_nor_believed(sns, url):
    sns.files[url] = sns.certificate()
    with pytest.raises(EventAuthError, match="address"):
        ses(sns, sns.message(BOUNCE, SigningCertURL=url))
    assert sns.fetched == []


def test_a_certificate_is_fetched_once(sns):
    parse = SesEvents(sns.fetch)
    for _ in range(3):
        assert parse(request(json.dumps(sns.message(BOUNCE))), TOPIC).events
    assert sns.fetched == [CERTIFICATE_URL]
    later = NOW + timedelta(hours=25)
    assert parse(request(json.dumps(sns.message(BOUNCE)), at=later), TOPIC).events
    assert sns.fetched == [CERTIFICATE_URL] * 2


def test_a_certificate_out_of_date_is_refused(sns):
    with pytest.raises(EventAuthError, match="date"):
        ses(sns, sns.message(BOUNCE), at=NOW + timedelta(days=400))


def test_no_certificate_at_the_address_is_refused(sns):
    sns.files[CERTIFICATE_URL] = b"<html>"
    with pytest.raises(EventAuthError):
        ses(sns, sns.message(BOUNCE))


def test_a_certificate_out_of_reach_is_to_be_tried_again(sns):
    del sns.files[CERTIFICATE_URL]
    with pytest.raises(UnavailableError):
        ses(sns, sns.message(BOUNCE))


def test_a_subscription_to_our_topic_is_confirmed(sns):
    assert ses(sns, sns.message("You have chosen …", **CONFIRM)).events == ()
    assert sns.fetched == [CERTIFICATE_URL, SUBSCRIBE_URL]


@pytest.mark.parametrize(
    "url",
    [
        SUBSCRIBE_URL.replace("https", "http"),
        SUBSCRIBE_URL.replace("sns.eu-central-1.amazonaws.com", "10.0.0.1"),
        SUBSCRIBE_URL.replace(".com/", ".com.evil.example/"),
        SUBSCRIBE_URL.replace("//", "//sns.eu-central-1.amazonaws.com@"),
        SUBSCRIBE_URL + "\r\nX: y",
    ],
)
def test_a_confirmation_elsewhere_is_not_visited(sns, url):
    with pytest.raises(EventAuthError):
        ses(sns, sns.message("", **CONFIRM | {"SubscribeURL": url}))
    assert sns.fetched == [CERTIFICATE_URL]


def test_an_unsigned_subscription_is_not_confirmed(sns):
    with pytest.raises(EventAuthError):
        ses(sns, sns.message("", **CONFIRM) | {"Token": "another"})
    assert SUBSCRIBE_URL not in sns.fetched


def test_the_end_of_a_subscription_is_taken_note_of(sns):
    message = sns.message("", **CONFIRM | {"Type": "UnsubscribeConfirmation"})
    assert (ses(sns, message).events, ses(sns, message).ignored) == ((), 1)
    assert SUBSCRIBE_URL not in sns.fetched


def test_raw_delivery_is_not_believed(sns):
    with pytest.raises(EventAuthError, match="raw delivery"):
        ses(sns, BOUNCE)


def _tem(authority: Authority, **changes: str):
    message = authority.message(
        HARD_BOUNCES["scaleway"],
        **{"TopicArn": SCALEWAY_TOPIC, "SigningCertURL": SCALEWAY_CERTIFICATE_URL, **changes},
    )
    return ScalewayEvents(authority.fetch)(request(json.dumps(message)), SCALEWAY_TOPIC)


def test_scaleway_confirms_at_its_own_host():
    authority = scaleway()
    _tem(authority, **CONFIRM | {"SubscribeURL": SCALEWAY_SUBSCRIBE_URL})
    assert authority.fetched == [
        SCALEWAY_CERTIFICATE_URL,
        SCALEWAY_CHAIN_URL,
        SCALEWAY_SUBSCRIBE_URL,
    ]


def test_scaleway_certificates_are_issued_by_its_authority():
    authority = scaleway()
    rogue = Authority()
    authority.key = rogue.key
    authority.files[SCALEWAY_CERTIFICATE_URL] = rogue.certificate("sns", issuer="root")
    with pytest.raises(EventAuthError, match="issued"):
        _tem(authority)


@pytest.mark.parametrize(
    "url",
    [
        SCALEWAY_CERTIFICATE_URL.replace("messaging.", "evil."),
        SCALEWAY_CERTIFICATE_URL.replace("/fr-par/", "/nl-ams/"),
        SCALEWAY_CERTIFICATE_URL.replace("https", "http"),
        CERTIFICATE_URL,
    ],
)
def test_scaleway_certificates_elsewhere_are_not_believed(url):
    authority = scaleway()
    with pytest.raises(EventAuthError, match="address"):
        _tem(authority, SigningCertURL=url)
    assert authority.fetched == []
