import re
from contextlib import closing
from pathlib import Path

import pytest

from service.mail.dsn import DsnError, parse_dsn
from service.mail.registry import BUILDERS, build_provider

SECRET = "s3cr3t"


def test_parts_are_decoded() -> None:
    dsn = parse_dsn(
        "mailgun://k%2Fe%40y:p%3Aw@Api.Example:8443/pre/fix/?domain=mg.example.org&x=a%26b"
    )
    assert (dsn.scheme, dsn.user, dsn.password) == ("mailgun", "k/e@y", "p:w")
    assert (dsn.host, dsn.port, dsn.path) == ("api.example", 8443, "/pre/fix")
    assert dsn.options == {"domain": "mg.example.org", "x": "a&b"}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postmark://t@default", "https://the.api"),
        ("postmark://t@proxy.internal", "https://proxy.internal"),
        ("postmark://t@proxy.internal:8443/mail/", "https://proxy.internal:8443/mail"),
        ("postmark://t@127.0.0.1:8025?scheme=http", "http://127.0.0.1:8025"),
        ("postmark://t@[::1]:80/x?scheme=http", "http://[::1]:80/x"),
    ],
)
def test_host_other_than_default_replaces_the_address(text: str, url: str) -> None:
    assert parse_dsn(text).api_url("https://the.api") == url


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"nobody://{SECRET}@default",
        f"postmark://{SECRET}@default:80",
        f"postmark://{SECRET}@default?scheme=http",
        f"postmark://{SECRET}@h?scheme=ftp",
        f"postmark://{SECRET}@h:port",
        f"postmark://{SECRET}@[::1",
        f"postmark://{SECRET}@h#{SECRET}",
        f"postmark://{SECRET}@h?stream={SECRET}&stream={SECRET}",
        f"postmark://{SECRET}@h?{SECRET}=1",
        f"postmark://{SECRET}@h?{SECRET}",
        f"postmark://{SECRET}\n@h",
        f"postmark://{SECRET}%0A@h",
        f"postmark://{SECRET}é@h",
        f"postmark://{SECRET}@",
        "postmark://default",
        f"mailgun://{SECRET}@default",
        f"mailgun://{SECRET}@default?domain=d&region={SECRET}",
        f"ses://id:{SECRET}@default",
        f"ses://id:{SECRET}@default?region={SECRET}/../",
        f"ses://{SECRET}@default?region=eu-central-1",
        f"mailjet://{SECRET}@default",
        f"scaleway://{SECRET}@default",
        f"mailbox:?x={SECRET}",
        f"postmark://{SECRET}@default?rate=0",
        f"postmark://{SECRET}@default?rate=-1",
        f"postmark://{SECRET}@default?rate=nan",
        f"postmark://{SECRET}@default?rate=",
        f"postmark://{SECRET}@default?rate={SECRET}",
    ],
)
def test_unusable_dsn_is_refused_without_its_secrets(text: str, tmp_path: Path) -> None:
    with pytest.raises(DsnError) as caught:
        build_provider(text, mailbox_dir=tmp_path)
    assert isinstance(caught.value, ValueError)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_secrets_stay_out_of_the_repr() -> None:
    assert SECRET not in repr(parse_dsn(f"smtp://{SECRET}:{SECRET}@host?x={SECRET}"))


@pytest.mark.parametrize("scheme", sorted(BUILDERS))
def test_every_scheme_builds_its_provider(scheme: str, tmp_path: Path) -> None:
    host = "mail.example" if scheme.startswith("smtp") else "default"
    option = {"mailgun": "?domain=mg.example.org", "ses": "?region=eu-central-1"}.get(scheme, "")
    text = "mailbox:" if scheme == "mailbox" else f"{scheme}://a:b@{host}{option}"
    with closing(build_provider(text, mailbox_dir=tmp_path)) as provider:
        assert provider.name == scheme.removesuffix("s") if scheme == "smtps" else scheme
        assert provider.batch_size >= 1
        assert re.fullmatch(r"[a-z]+", provider.name)
