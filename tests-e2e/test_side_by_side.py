"""Two runs side by side in a browser: what stands out; without JavaScript, by keyboard, on paper."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from live_stack import Stack
from playwright.sync_api import Browser, Locator, Page, expect

WIDTHS = (390, 820, 1440)
FIRST_RENDER = 100_000  # bytes

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def compared(stack: Stack) -> str:
    """Play a good token and a bad one; return the path of their comparison."""
    good, bad = stack.play("cached-token"), stack.play("another-audience")
    return f"/compare?left={good['id']}&right={bad['id']}"


def marked(page: Page, mark: str) -> list[str]:
    """Return the lines with this mark, each with what it shows on either side."""
    rows = page.locator(f".pair tr.{mark}:not(.caption)").all_text_contents()
    return [" ".join(row.split()) for row in rows]


def test_what_is_wrong_with_a_token_stands_out(visit: Visit, compared: str, stack: Stack) -> None:
    page = visit(compared)
    expect(page.locator(".side")).to_have_count(2)
    differing = marked(page, "differs")
    audience = f"aud JWT payload differs {stack.timesheets_api} https://invoices.exampleco.example"
    assert audience in differing
    assert "audience differs passed failed: The token is for another audience." in differing
    assert not any(re.match("(Date|jti|iat|traceparent) ", line) for line in differing)
    expect(page.locator(".pair").first).to_contain_text(re.compile(r"Varies: .*jti"))


def test_the_terminal_shows_the_same(stack: Stack) -> None:
    printed = stack.make("try", "CASE=cached-token", "AGAINST=tampered-payload")
    assert "≠ scope (JWT payload): differs" in printed
    assert "≠ signature (check): differs" in printed


def choose(select: Locator, title: str) -> None:
    select.select_option(label=title)


def test_two_cases_are_played_and_compared_without_javascript(visit: Visit) -> None:
    page = visit("/compare", java_script_enabled=False)
    choose(page.get_by_label("Left"), "A wrong secret")
    choose(page.get_by_label("Right"), "An unknown client")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Nothing differs").or_(page.locator(".pair").first)).to_be_visible(timeout=15_000)
    assert {line.split()[0] for line in marked(page, "differs")} == {"Authorization", "credentials"}


def test_the_keyboard_reaches_everything(visit: Visit, compared: str) -> None:
    page = visit(compared)
    seen = []
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 24)"))
    assert seen[0] == "Skip to the comparison"
    assert {"Compare", "Show every line"} <= set(seen)


def test_it_prints_without_its_form_in_dark_ink(visit: Visit, compared: str) -> None:
    page = visit(compared, color_scheme="dark")
    page.emulate_media(media="print")
    expect(page.locator("form")).to_be_hidden()
    expect(page.locator(".pair").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


@pytest.mark.long
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_anybody_can_read_it_at_any_width(visit: Visit, compared: str, width: int, colours: str) -> None:
    for path in ("/compare", compared, f"{compared}&lines=all"):
        page = visit(path, width=width, color_scheme=colours)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found] == []


def test_the_first_render_is_small(browser: Browser, stack: Stack, compared: str) -> None:
    sizes: dict[str, int] = {}
    page = browser.new_page()
    page.on("response", lambda answer: sizes.update({answer.url: int(answer.headers["content-length"])}))
    page.goto(stack.url["calling-service"] + compared)
    page.close()
    assert sum(sizes.values()) < FIRST_RENDER
