"""The container runs as nobody in particular, on a file system that it cannot write to."""

import re
from pathlib import Path

import pytest
import yaml

from service.config.names import SETTINGS

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    for setting, value in service.get("environment", {}).items():
        is_secret = re.search("PASSWORD|KEY|SECRET|DATABASE_URL|MAIL_URL", setting)
        is_path_from_outside = value is None and setting.endswith("_FILE")
        assert not is_secret or is_path_from_outside or value.startswith("/run/secrets/"), setting


@pytest.mark.parametrize("name", ["web", "worker"])
def test_every_setting_can_be_set_and_an_unset_one_is_left_out(name: str) -> None:
    given = SERVICES[name]["environment"]
    names = {each.removeprefix("NEWSFLASH_").removesuffix("_FILE") for each in given}
    # The image's command says where it listens.
    assert names == SETTINGS - {"BIND_HOST"}
    assert not any(str(value).endswith(":-}") for value in given.values())


@pytest.mark.parametrize("name", SERVICES)
def test_logs_are_bounded_and_stopping_leaves_time(name: str) -> None:
    service = SERVICES[name]
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    if name != "redis":
        assert service["stop_grace_period"] == "60s"


def test_the_image_runs_as_an_unprivileged_user_and_lists_what_is_in_it() -> None:
    last = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    users = re.findall(r"^USER (\d+):(\d+)$", last, re.M)
    assert len(users) == 1
    assert all(int(number) > 0 for number in users[0])
    assert "/usr/share/sbom/" in last
    assert "cyclonedx" not in last


def test_what_goes_into_building_the_image_is_known_by_its_hash() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"\bpip install (.*?)(?=&&|$)", text, re.M)
    assert len(installs) == 3
    for how in installs:
        assert "--require-hashes" in how or "--no-index" in how
    for name in re.findall(r"--requirement (\S+)", text):
        pins = re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", (ROOT / name).read_text(), re.M | re.S)
        assert pins
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)


def test_whatever_the_image_is_built_from_is_sent_to_the_builder() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    assert copied
    let_in = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert {path for line in copied for path in line.split()} <= let_in
