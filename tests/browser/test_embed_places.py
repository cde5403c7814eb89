"""The embedded form wherever its line stands, and however it comes onto the page."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

Place = Callable[..., str]
LATE = """
addEventListener("load", () => setTimeout(() => {{
  const script = document.createElement("script");
  {more}
  script.src = "{src}";
  {where}.append(script);
}}, 50));
"""


@pytest.fixture
def place(other_site, service: str) -> Place:
    """Write a page of another site and return its address; `{src}` is the script's address."""
    address, folder = other_site

    def write(*, head: str = "", body: str = "", slug: str = "news-flash") -> str:
        src = f"{service}/embed/{slug}.js"
        (folder / "index.html").write_text(
            f"<!doctype html><html lang=en><head><title>Site</title>{head.format(src=src)}</head>"
            f"<body><main><h1>A site</h1>{body.format(src=src)}<p id=after>After</p></main></body>"
        )
        return address

    return write


def late(where: str, more: str = "") -> str:
    text = LATE.format(src="{src}", where=where, more=more)
    return (
        "<script>"
        + text.replace("{", "{{").replace("}", "}}").replace("{{src}}", "{src}")
        + "</script>"
    )


WAYS = {
    "head": {"head": '<script src="{src}"></script>'},
    "head, async": {"head": '<script src="{src}" async></script>'},
    "head, defer": {"head": '<script src="{src}" defer></script>'},
    "head, module": {"head": '<script src="{src}" type="module"></script>'},
    "body": {"body": '<script src="{src}"></script>'},
    "body, async": {"body": '<script src="{src}" async></script>'},
    "body, module": {"body": '<script src="{src}" type="module"></script>'},
    "imported": {"body": '<script type="module">import "{src}";</script>'},
    "late into the head": {"head": late("document.head")},
    "late into the body": {"head": late("document.body")},
    "late, as a module": {"head": late("document.body", "script.type = 'module';")},
    "late, taken away again": {
        "head": late("document.head", "script.onload = () => script.remove();")
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_one_form_appears_however_the_line_comes(page: Page, place: Place, way: str):
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(place(**WAYS[way]))
    expect(page.get_by_label("Email address")).to_be_visible()
    expect(page.get_by_label("Email address")).to_have_count(1)
    assert errors == []


@pytest.mark.parametrize("kind", ["", 'type="module"', "async"])
def test_the_form_stands_where_its_line_stands_in_the_body(page: Page, place: Place, kind: str):
    page.goto(place(body=f'<script src="{{src}}" {kind}></script>'))
    expect(page.get_by_label("Email address")).to_be_visible()
    assert (
        page.evaluate("document.querySelector('main script').nextElementSibling.localName") == "div"
    )


@pytest.mark.parametrize("kind", ["", "script.type = 'module';"])
def test_the_form_stands_beside_its_line_in_a_shadow_root(page: Page, place: Place, kind: str):
    where = '(window.shadow ??= document.getElementById("after").attachShadow({ mode: "open" }))'
    page.goto(place(head=late(where, kind)))
    expect(page.get_by_label("Email address")).to_be_visible()
    assert page.evaluate("shadow.querySelector('script').nextElementSibling.localName") == "div"


@pytest.mark.parametrize("kind", ["", 'type="module"'])
def test_a_line_in_the_head_fills_the_place_that_is_marked_for_it(page: Page, place: Place, kind):
    mark = '<div id="here" data-newsflash="news-flash"></div>'
    page.goto(place(head=f'<script src="{{src}}" {kind}></script>' * 2, body=mark))
    expect(page.locator("#here").get_by_label("Email address")).to_be_visible()
    expect(page.get_by_label("Email address")).to_have_count(1)


@pytest.mark.parametrize(
    ("ways", "forms"),
    [
        ({"body": '<script src="{src}"></script><hr><script src="{src}"></script>'}, 2),
        (
            {"body": '<script type=module src="{src}"></script><hr>' * 2},
            2,
        ),
        ({"head": '<script src="{src}"></script><script src="{src}" async></script>'}, 1),
        ({"head": '<script src="{src}"></script>', "body": '<script src="{src}"></script>'}, 2),
    ],
)
def test_each_line_in_the_body_gives_a_form_and_the_head_gives_one(page, place, ways, forms):
    page.goto(place(**ways))
    expect(page.get_by_label("Email address")).to_have_count(forms)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_label("Email address")).to_have_count(forms)


@pytest.fixture
def strict_list(service: str, service_folder: Path) -> str:
    """A list that takes signups from one site only, spelled as people spell it."""
    command = [sys.executable, "-m", "service", "lists"]
    made = [
        *command,
        "create",
        "strict",
        "--name",
        "Strict",
        "--origin",
        "HTTPS://Site.example:443/",
    ]
    environment = {"NEWSFLASH_DATABASE_URL": f"sqlite:///{service_folder}/newsflash.db"}
    subprocess.run(
        made, check=True, env=environment, cwd=service_folder / "run", capture_output=True
    )
    return "strict"


def test_a_site_that_is_not_allowed_is_told_on_its_console(page, place, strict_list, other_site):
    told: list[ConsoleMessage] = []
    page.on("console", lambda message: told.append(message))
    page.goto(place(body='<script src="{src}"></script>', slug=strict_list))
    origin = other_site[0]
    asked = f"Add {origin} to the list's allowed websites"
    expect(page.get_by_label("Email address")).to_be_visible()
    assert [each.type for each in told if asked in each.text] == ["error"]
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("alert")).to_have_text("This form isn't set up for this website.")
    assert len([each for each in told if asked in each.text]) == 2
    assert page.url.startswith(origin)
