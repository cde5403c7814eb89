"""Settings: what is wrong stops the start with one line that names it and gives nothing away."""

import multiprocessing
import os
import re
import stat
from itertools import product
from pathlib import Path

import pytest

from service.config import OidcSettings, SettingError, Settings, create_key, load_settings
from service.config.names import EVENT_PROVIDERS, SETTINGS
from service.mail.events.registry import EventParsers

KEY, OTHER_KEY, HASH_KEY = "k" * 40, "o" * 40, "h" * 40
RECEIPT_KEY = "5eed" * 16
SECRET = "s3kr1t-that-nobody-may-see"
POSTGRES = {
    "DATABASE_URL": f"postgresql://news:{SECRET}@db/news",
    "SECRET_KEY": KEY,
    "ADDRESS_HASH_KEY": HASH_KEY,
    "RECEIPT_KEY": RECEIPT_KEY,
    "PUBLIC_URL": "https://news.example.org",
    "MAIL_URL": "mailbox:",
    "MAIL_FROM": "Ada <ada@example.org>",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings from outside, an empty working directory, and none left behind by `.env`."""
    monkeypatch.setattr(
        os, "environ", {n: v for n, v in os.environ.items() if not n.startswith("NEWSFLASH_")}
    )
    monkeypatch.chdir(tmp_path)


def load(**given: str) -> Settings:
    os.environ.update({f"NEWSFLASH_{name}": value for name, value in given.items()})
    return load_settings(missing_key=create_key)


def test_nothing_needs_to_be_set(tmp_path: Path):
    settings = load()
    assert settings.is_sqlite
    assert settings.database_url.database == str(tmp_path / "var" / "newsflash.db")
    assert settings.data_dir == tmp_path / "var"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.mail_urls == ("mailbox:",)
    assert settings.confirm_days == 7
    assert settings.consent_ip == "truncated"
    assert settings.trusted_proxies == 0
    assert settings.ratelimit_enabled
    assert settings.redis_url is None


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("300/minute;3000/hour", ((300, 60), (3000, 3600))),
        ("10 per 5 minutes", ((10, 300),)),
        ("5/SECOND, 7 / 2days|2/month", ((5, 1), (7, 172_800), (2, 2_592_000))),
        ("none", ()),
    ],
)
def test_limits_are_read_as_requests_in_a_time(text, windows):
    assert load(RATELIMIT_LIST=text).ratelimit_list == windows


def test_every_setting_is_read():
    settings = load(
        **POSTGRES | {"MAIL_URL": "postmark://T@default  smtp://mail.example.org:587"},
        SECRET_KEY_FALLBACKS=f"{OTHER_KEY}, {'p' * 40}",
        RECEIPT_KEY_FALLBACKS=f"{OTHER_KEY}, public:{'x' * 43}",
        ALLOWED_HOSTS="web, news.internal",
        REDIS_URL="redis://cache",
        RATELIMIT_ENABLED="false",
        RATELIMIT_CLIENT="10/minute;50/2 hours",
        RATELIMIT_DOMAIN="none",
        TRUSTED_PROXIES="2",
        CONFIRM_DAYS="3",
        CONSENT_IP="none",
        WEBHOOK_SECRET_POSTMARK="w",
    )
    assert settings.database_url.drivername == "postgresql+psycopg"
    assert settings.secret_keys == ("p" * 40, OTHER_KEY, KEY)
    assert settings.receipt_key_fallbacks == (OTHER_KEY, f"public:{'x' * 43}")
    assert settings.address_hash_key == HASH_KEY.encode()
    assert settings.public_url == "https://news.example.org"
    assert settings.allowed_hosts == ("web", "news.internal")
    assert settings.mail_urls == ("postmark://T@default", "smtp://mail.example.org:587")
    assert settings.webhook_secrets == {"postmark": "w"}
    assert settings.ratelimit_client == ((10, 60), (50, 7200))
    assert settings.ratelimit_domain == ()
    assert (settings.trusted_proxies, settings.confirm_days) == (2, 3)
    assert (settings.consent_ip, settings.ratelimit_enabled) == ("none", False)
    assert settings.redis_url == "redis://cache"
    assert settings.mail_from == "Ada <ada@example.org>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RATELIMIT_CLIENT", "many"),
        ("RATELIMIT_LIST", "0/minute"),
        ("RATELIMIT_OVERALL", "10/minute;x"),
        ("RATELIMIT_OVERALL", "10/minute;"),
        ("RATELIMIT_OVERALL", "10/week"),
        ("RATELIMIT_OVERALL", "10"),
        ("RATELIMIT_OVERALL", "-10/minute"),
        ("RATELIMIT_OVERALL", "10/0 minutes"),
        ("RATELIMIT_OVERALL", "1e3/minute"),
        ("REDIS_URL", "cache:6379"),
        ("DATABASE_URL", SECRET),
        ("DATABASE_URL", f"mysql://u:{SECRET}@h/db"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}@h:port/db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("SECRET_KEY", ""),
        ("SECRET_KEY", SECRET),
        ("SECRET_KEY", "\udcff" * 40),
        ("SECRET_KEY_FALLBACKS", f"{KEY},{SECRET}"),
        ("ADDRESS_HASH_KEY", ""),
        ("ADDRESS_HASH_KEY", SECRET),
        ("RECEIPT_KEY", ""),
        ("RECEIPT_KEY", SECRET),
        ("RECEIPT_KEY_FALLBACKS", f"{KEY} {SECRET}"),
        ("RECEIPT_KEY_FALLBACKS", f"public:{SECRET * 2}"),
        ("PUBLIC_URL", "news.example.org"),
        ("PUBLIC_URL", "ftp://news.example.org"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://[::1"),
        ("PUBLIC_URL", "https://news.example.org:port"),
        ("PUBLIC_URL", "https://news.example.org:99999"),
        ("PUBLIC_URL", "https://news.example.org/a b"),
        ("PUBLIC_URL", "https://news.example.org/>,<https://other.example"),
        ("PUBLIC_URL", "https://news.example.org?x=1"),
        ("PUBLIC_URL", "https://news.example.org#x"),
        ("PUBLIC_URL", f"https://ada:{SECRET}@news.example.org"),
        ("PUBLIC_URL", f"https://:{SECRET}@news.example.org"),
        ("ALLOWED_HOSTS", "https://news.example.org"),
        ("ALLOWED_HOSTS", "web:8000"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", '"News Flash <news@example.org>"'),
        ("MAIL_FROM", "Name <n@example.org"),
        ("MAIL_FROM", "News, Flash <n@example.org>"),
        ("MAIL_FROM", "Ada\r\nBcc: eve@example.org <ada@example.org>"),
        ("TRUSTED_PROXIES", "many"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "11"),
        ("CONFIRM_DAYS", "0"),
        ("CONFIRM_DAYS", "1.5"),
        ("CONFIRM_DAYS", "366"),
        ("RATELIMIT_ENABLED", "perhaps"),
        ("CONSENT_IP", "all"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line_without_its_secret(name: str, value: str):
    with pytest.raises(SettingError) as refused:
        load(**{**POSTGRES, name: value})
    line = str(refused.value)
    assert line.startswith(f"NEWSFLASH_{name}: ")
    assert "\n" not in line
    assert SECRET not in line


@pytest.mark.parametrize(
    "name",
    [
        "DATABASE_URL",
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "ADDRESS_HASH_KEY",
        "PUBLIC_URL",
        "MAIL_URL",
        "REDIS_URL",
        "TRUSTED_PROXIES",
        "WEBHOOK_SECRET_RESEND",
    ],
)
@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_is_no_text_is_named(name: str, content: bytes | None, tmp_path: Path):
    path = tmp_path / "given"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        SettingError, match=rf"^NEWSFLASH_{name}_FILE: is not a readable text file$"
    ):
        load(
            **{key: value for key, value in POSTGRES.items() if key != name},
            **{f"{name}_FILE": str(path)},
        )


def test_a_setting_may_come_from_a_file(tmp_path: Path):
    for name, value in {
        "database_url": "postgresql://u:p@h/d\n",
        "secret_key": f"{KEY}\n",
        "address_hash_key": f" {HASH_KEY} ",
        "receipt_key": f"{RECEIPT_KEY}\n",
        "mail": "postmark://T@default\n",
        "proxies": "1\n",
        "hook": "w\n",
    }.items():
        (tmp_path / name).write_text(value)
    settings = load(
        DATABASE_URL_FILE=str(tmp_path / "database_url"),
        SECRET_KEY_FILE=str(tmp_path / "secret_key"),
        ADDRESS_HASH_KEY_FILE=str(tmp_path / "address_hash_key"),
        RECEIPT_KEY_FILE=str(tmp_path / "receipt_key"),
        MAIL_URL_FILE=str(tmp_path / "mail"),
        TRUSTED_PROXIES_FILE=str(tmp_path / "proxies"),
        WEBHOOK_SECRET_SES_FILE=str(tmp_path / "hook"),
        PUBLIC_URL="https://news.example.org",
        MAIL_FROM="Ada <ada@example.org>",
    )
    assert settings.database_url.password == "p"
    assert settings.secret_keys == (KEY,)
    assert settings.address_hash_key == HASH_KEY.encode()
    assert settings.receipt_key == RECEIPT_KEY
    assert settings.mail_urls == ("postmark://T@default",)
    assert settings.trusted_proxies == 1
    assert settings.webhook_secrets == {"ses": "w"}


def test_a_setting_may_come_from_the_env_file_and_the_environment_wins(tmp_path: Path):
    (tmp_path / ".env").write_text(
        "OTHER=\nNEWSFLASH_CONFIRM_DAYS=3\nNEWSFLASH_TRUSTED_PROXIES=1\n"
    )
    settings = load(TRUSTED_PROXIES="2")
    assert (settings.confirm_days, settings.trusted_proxies) == (3, 2)


OIDC = {
    "OIDC_ISSUER": "https://id.example.org/realms/main",
    "OIDC_CLIENT_ID": "newsflash",
    "OIDC_CLIENT_SECRET": SECRET,
    "OIDC_ADMINS": "ada@example.org, Ben@example.org",
}


def test_an_identity_provider_may_be_given(tmp_path: Path):
    assert load().oidc is None
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    given = {name: value for name, value in OIDC.items() if name != "OIDC_CLIENT_SECRET"}
    oidc = load(**given, OIDC_CLIENT_SECRET_FILE=str(tmp_path / "secret")).oidc
    assert oidc == OidcSettings(
        issuer="https://id.example.org/realms/main",
        client_id="newsflash",
        client_secret=SECRET,
        admins=("ada@example.org", "Ben@example.org"),
    )
    assert SECRET not in repr(oidc)


def test_a_group_may_decide_who_comes_in():
    given = {name: value for name, value in OIDC.items() if name != "OIDC_ADMINS"}
    oidc = load(
        **given, OIDC_ADMIN_GROUP="news", OIDC_GROUP_CLAIM="roles", OIDC_SCOPES="openid  groups"
    ).oidc
    assert oidc is not None
    assert (oidc.admins, oidc.admin_group, oidc.group_claim) == ((), "news", "roles")
    assert oidc.scopes == "openid groups"


@pytest.mark.parametrize("issuer", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:3"])
def test_an_identity_provider_on_this_computer_needs_no_https(issuer: str):
    oidc = load(**{**OIDC, "OIDC_ISSUER": issuer}).oidc
    assert oidc is not None
    assert oidc.issuer == issuer


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_ISSUER", ""),
        ("OIDC_ISSUER", "id.example.org"),
        ("OIDC_ISSUER", "http://id.example.org"),
        ("OIDC_ISSUER", "HTTP://id.example.org"),
        ("OIDC_ISSUER", "http://127.0.0.1.example.org"),
        ("OIDC_ISSUER", "https://id.example.org?x=1"),
        ("OIDC_CLIENT_ID", ""),
        ("OIDC_CLIENT_SECRET", ""),
        ("OIDC_ADMINS", ""),
        ("OIDC_ADMINS", "ada"),
        ("OIDC_ADMINS", "ada@example.org @"),
        ("OIDC_ADMINS", "<ada@example.org>"),
        ("OIDC_ADMINS", "ada@example.org;ben@example.org"),
        ("OIDC_SCOPES", "email"),
    ],
)
def test_a_wrong_setting_of_the_identity_provider_is_named(name: str, value: str):
    with pytest.raises(SettingError, match=rf"^NEWSFLASH_{name}: .+$") as refused:
        load(**{**OIDC, name: value})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["OIDC_ISSUER", "OIDC_ADMINS", "OIDC_GROUP_CLAIM", "OIDC_SCOPES"])
def test_part_of_an_identity_provider_is_none(name: str):
    with pytest.raises(SettingError, match="is required if another OIDC_ setting is given"):
        load(**{name: OIDC.get(name, "openid")})


def test_settings_can_be_shown_without_their_secrets():
    shown = repr(
        load(
            **POSTGRES | {"MAIL_URL": f"postmark://{SECRET}@default"},
            WEBHOOK_SECRET_SES=SECRET,
            RECEIPT_KEY_FALLBACKS=f"{SECRET}{KEY}",
        )
    )
    for secret in (SECRET, KEY, HASH_KEY, RECEIPT_KEY):
        assert secret not in shown


def test_keys_are_made_once_and_only_the_owner_reads_them(tmp_path: Path):
    first, second = load(), load()
    assert first.secret_keys == second.secret_keys
    assert first.address_hash_key == second.address_hash_key
    assert first.receipt_key == second.receipt_key
    assert len({first.secret_keys[0], first.address_hash_key.decode(), first.receipt_key}) == 3
    for name in ("secret_key", "address_hash_key", "receipt_key"):
        assert stat.S_IMODE((tmp_path / "var" / name).stat().st_mode) == 0o600
    assert {path.name for path in (tmp_path / "var").iterdir()} == {
        "secret_key",
        "address_hash_key",
        "receipt_key",
    }


def test_a_given_key_is_not_kept(tmp_path: Path):
    load(SECRET_KEY=KEY, ADDRESS_HASH_KEY=HASH_KEY, RECEIPT_KEY=RECEIPT_KEY)
    assert not (tmp_path / "var").exists()


def test_keys_lie_beside_the_database(tmp_path: Path):
    load(DATABASE_URL=f"sqlite:///{tmp_path}/elsewhere/news.db")
    assert (tmp_path / "elsewhere" / "secret_key").exists()


@pytest.mark.parametrize("kind", ["empty", "folder", "not text", "no folder"])
def test_a_key_that_cannot_be_kept_or_read_is_named(kind: str, tmp_path: Path):
    place = tmp_path / "var"
    if kind == "no folder":
        place.write_text("a file")
    else:
        place.mkdir()
        key = place / "secret_key"
        if kind == "empty":
            key.touch()
        elif kind == "folder":
            key.mkdir()
        else:
            key.write_bytes(b"\xff" * 40)
    with pytest.raises(SettingError, match=r"^NEWSFLASH_SECRET_KEY: .+$"):
        load()


def _race(
    folder: str,
    barrier: "multiprocessing.synchronize.Barrier",
    found: "multiprocessing.Queue[object]",
) -> None:
    os.chdir(folder)
    barrier.wait()
    settings = load_settings(missing_key=create_key)
    found.put((settings.secret_keys, settings.address_hash_key, settings.receipt_key))


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(4), context.Queue()
    racers = [context.Process(target=_race, args=(str(tmp_path), barrier, found)) for _ in range(4)]
    for racer in racers:
        racer.start()
    keys = [found.get(timeout=120) for _ in racers]
    for racer in racers:
        racer.join()
    assert len(set(keys)) == 1
    assert {path.name for path in (tmp_path / "var").iterdir()} == {
        "secret_key",
        "address_hash_key",
        "receipt_key",
    }


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("NEWSFLASH_MAIL_FORM", "NEWSFLASH_MAIL_FROM"),
        ("NEWSFLASH_PUBLICURL", "NEWSFLASH_PUBLIC_URL"),
        ("NEWSFLASH_SECRET_KEY_FLIE", "NEWSFLASH_SECRET_KEY_FILE"),
        ("NEWSFLASH_SECRET_KEYS", "NEWSFLASH_SECRET_KEY"),
        ("NEWSFLASH_SECRET_KEY_FALLBACK_FILE", "NEWSFLASH_SECRET_KEY_FALLBACKS_FILE"),
        ("NEWSFLASH_WEBHOOK_SECRET_POSTMRAK", "NEWSFLASH_WEBHOOK_SECRET_POSTMARK"),
        ("NEWSFLASH_TRUSTED_PROXY", "NEWSFLASH_TRUSTED_PROXIES"),
        ("NEWSFLASH_REDIS_URL_FILE_FILE", "NEWSFLASH_REDIS_URL_FILE"),
        ("newsflash_public_url", "NEWSFLASH_PUBLIC_URL"),
        ("Newsflash_Mail_Url", "NEWSFLASH_MAIL_URL"),
        ("NEWSFLASH__MAIL_URL", "NEWSFLASH_MAIL_URL"),
        ("NEWSFLASH_PORT", ""),
        ("NEWSFLASH_", ""),
        ("NEWSFLASH_COLOUR", ""),
    ],
)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_a_name_that_is_no_setting_is_refused_with_the_nearest_right_one(
    variable: str, meant: str, place: str, tmp_path: Path
):
    if place == ".env":
        (tmp_path / ".env").write_text(f"{variable}={SECRET}\n")
    else:
        os.environ[variable] = SECRET
    with pytest.raises(SettingError) as refused:
        load()
    line = str(refused.value)
    assert line.upper().startswith(f"{variable.upper()}: IS NOT A SETTING")
    assert f"did you mean {meant}?" in line if meant else ".env.example" in line or "mean" in line
    assert SECRET not in line
    assert "\n" not in line
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NEWSFLASH_SERVICE_HOST", "10.0.0.1"),
        ("NEWSFLASH_SERVICE_PORT", "8000"),
        ("NEWSFLASH_SERVICE_PORT_HTTP", "8000"),
        ("NEWSFLASH_PORT", "tcp://10.0.0.1:8000"),
        ("NEWSFLASH_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
        ("NEWSFLASH_PORT_8000_TCP_PROTO", "tcp"),
        ("NEWSFLASH_WEB_SERVICE_HOST", "10.0.0.1"),
        ("NEWSFLASH_WEB_PORT", "tcp://10.0.0.1:8000"),
        ("NEWSFLASH_WEB_PORT_8000_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_what_kubernetes_adds_beside_a_service_of_this_name_is_left_alone(
    variable: str, value: str
):
    os.environ[variable] = value
    assert load().is_sqlite


@pytest.mark.parametrize("alias", ["NEWSFLASH", "NEWSFLASH_WEB"])
def test_what_docker_adds_beside_a_link_of_this_name_is_left_alone(alias: str):
    os.environ |= {
        f"{alias}_NAME": "/site/newsflash",
        f"{alias}_PORT": "tcp://172.17.0.5:8000",
        f"{alias}_PORT_8000_TCP": "tcp://172.17.0.5:8000",
        f"{alias}_PORT_8000_TCP_ADDR": "172.17.0.5",
        f"{alias}_ENV_PATH": "/usr/bin",
        f"{alias}_ENV_GPG_KEY": "",
        f"{alias}_ENV_NEWSFLASH_SECRET_KEY": OTHER_KEY,
    }
    assert load(SECRET_KEY=KEY).secret_keys == (KEY,)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NEWSFLASH_NAME", "News Flash"),
        ("NEWSFLASH_NAME", "/newsflash"),
        ("NEWSFLASH_FROM_NAME", "Ada"),
        ("NEWSFLASH_PORT", "8000"),
        ("NEWSFLASH_PORT", "127.0.0.1:8000"),
        ("NEWSFLASH_PORTS", "tcp://10.0.0.1:8000"),
        ("NEWSFLASH_ENV", "production"),
        ("NEWSFLASH_ENV_MAIL_URL", "mailbox:"),
        ("NEWSFLASH_MAIL_ENV_URL", "mailbox:"),
    ],
)
def test_what_only_looks_like_a_link_is_refused(variable: str, value: str):
    os.environ[variable] = value
    with pytest.raises(SettingError, match=rf"^{variable}: is not a setting"):
        load()


def test_beside_a_link_other_names_are_refused():
    os.environ |= {"NEWSFLASH_NAME": "/site/newsflash", "NEWSFLASH_MAIL_ENV_URL": "mailbox:"}
    with pytest.raises(SettingError, match=r"^NEWSFLASH_MAIL_ENV_URL: is not a setting"):
        load()


@pytest.mark.parametrize("name", sorted(SETTINGS))
@pytest.mark.parametrize("value", ["", "  "])
def test_a_setting_that_is_empty_is_refused(name: str, value: str, tmp_path: Path):
    for given in (name, f"{name}_FILE"):
        with pytest.raises(SettingError, match=rf"^NEWSFLASH_{given}: is set but empty"):
            load(**{given: value})
        del os.environ[f"NEWSFLASH_{given}"]
    (tmp_path / "given").write_text(value)
    with pytest.raises(SettingError, match=rf"^NEWSFLASH_{name}_FILE: names a file that is empty"):
        load(**{f"{name}_FILE": str(tmp_path / "given")})


def test_the_environment_wins_over_the_env_file_as_a_file_too(tmp_path: Path):
    (tmp_path / "key").write_text(KEY)
    (tmp_path / ".env").write_text(f"NEWSFLASH_SECRET_KEY={OTHER_KEY}\n")
    assert load(SECRET_KEY_FILE=str(tmp_path / "key")).secret_keys == (KEY,)


def test_secrets_of_provider_events_may_come_from_the_env_file(tmp_path: Path):
    (tmp_path / ".env").write_text("OTHER=\nNEWSFLASH_WEBHOOK_SECRET_SES=arn\n")
    assert load().webhook_secrets == {"ses": "arn"}


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path):
    (tmp_path / ".env").write_bytes(b"NEWSFLASH_CONFIRM_DAYS=3\xff\n")
    with pytest.raises(SettingError, match=r"^\.env: is not a readable text file$"):
        load()


def test_a_setting_that_is_given_twice_is_refused(tmp_path: Path):
    (tmp_path / "key").write_text(OTHER_KEY)
    with pytest.raises(SettingError, match=r"^NEWSFLASH_SECRET_KEY: is given twice"):
        load(SECRET_KEY=KEY, SECRET_KEY_FILE=str(tmp_path / "key"))


NEEDED = {name: POSTGRES[name] for name in ("PUBLIC_URL", "MAIL_FROM", "MAIL_URL")}
BEGINNINGS = {
    "PostgreSQL": POSTGRES,
    "a mail API": NEEDED | {"MAIL_URL": "postmark://T@default"},
    "a relay": NEEDED | {"MAIL_URL": "smtp://mail.example.org:587"},
    "one of several": NEEDED | {"MAIL_URL": "mailbox: postmark://T@default"},
    "a relay nearby": NEEDED | {"MAIL_URL": "smtp://postfix:25"},
    "a relay in a private network": NEEDED | {"MAIL_URL": "smtp://10.0.0.5:25"},
    "a mail catcher elsewhere": NEEDED | {"MAIL_URL": "mailpit://mailpit.example.org"},
    "a mail catcher at a public address": NEEDED | {"MAIL_URL": "mailpit://[2001:4860::1]:8025"},
    "a mail catcher and more": NEEDED | {"MAIL_URL": "mailpit://mailpit:8025 resend://K@default"},
    "a public address": NEEDED,
    "a public address without TLS": NEEDED | {"PUBLIC_URL": "http://news.example.org"},
}


@pytest.mark.parametrize(
    ("beginning", "name"),
    [
        *product(("PostgreSQL",), sorted(NEEDED)),
        *product(
            (name for name, given in BEGINNINGS.items() if given["MAIL_URL"] != NEEDED["MAIL_URL"]),
            ("PUBLIC_URL", "MAIL_FROM"),
        ),
        *product(("a public address", "a public address without TLS"), ("MAIL_URL", "MAIL_FROM")),
    ],
)
def test_what_mails_real_people_needs_its_own_address_sender_and_mail_api(
    beginning: str, name: str
):
    given = dict(BEGINNINGS[beginning])
    assert load(**given).mail_from == "Ada <ada@example.org>"
    for each in given:
        del os.environ[f"NEWSFLASH_{each}"]
    del given[name]
    with pytest.raises(SettingError, match=rf"^NEWSFLASH_{name}: is required with "):
        load(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"MAIL_URL": "mailpit://127.0.0.1:8025?scheme=http"},
        {"MAIL_URL": "mailpit://mailpit:8025?scheme=http"},
        {"MAIL_URL": "MAILPIT://user:secret@mailpit"},
        {"MAIL_URL": "mailpit://172.18.0.4:8025"},
        {"MAIL_URL": "mailpit://[fd00::4]:8025"},
        {"MAIL_URL": "mailpit://mailpit.dev.svc.cluster.local:8025"},
        {"MAIL_URL": "mailpit://mailpit.internal:8025 mailbox:"},
        {"MAIL_URL": "smtp://localhost:1025"},
        {"MAIL_URL": "mailbox:", "PUBLIC_URL": "http://localhost:8000"},
        {"PUBLIC_URL": "https://[::1]:8443"},
        {"MAIL_FROM": "Ada <ada@example.org>"},
    ],
)
def test_trying_out_needs_none_of_them(given: dict[str, str]):
    assert load(**given).is_sqlite


def test_every_setting_has_its_line_in_the_example():
    example = (Path(__file__).parents[2] / ".env.example").read_text()
    shown = set(re.findall(r"^#NEWSFLASH_(\w+)=", example, re.MULTILINE))
    assert shown | {"BIND_HOST"} == SETTINGS


def test_every_provider_that_reports_may_have_its_secret():
    assert set(EventParsers({})._parsers) == set(EVENT_PROVIDERS)


def test_mail_apis_are_separated_by_spaces():
    with pytest.raises(SettingError, match="MAIL_URL: separate several addresses by spaces"):
        load(**POSTGRES | {"MAIL_URL": "smtp://a.example,smtp://b.example"})


def test_a_key_file_with_a_byte_order_mark_is_refused(tmp_path: Path):
    path = tmp_path / "key"
    path.write_text("\ufeff" + "k" * 40, encoding="utf-8")
    with pytest.raises(SettingError, match=r"SECRET_KEY_FILE: .* byte order mark"):
        load(SECRET_KEY_FILE=str(path))
