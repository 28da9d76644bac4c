"""The page in a browser: the flow, its steps, failing cases, keyboard, no JavaScript, accessibility."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from live_stack import Stack
from playwright.sync_api import Browser, Page, expect

FIRST_RENDER = 100_000  # bytes
WIDTHS = (360, 1280, 1920)

Visit = Callable[..., Page]


def run(page: Page, button: str) -> None:
    """Press a button and wait for the end of the run that it starts."""
    page.get_by_role("button", name=button).first.click()
    expect(page.locator("[data-run]:not([data-running])")).to_be_visible(timeout=30_000)
    assert "/flow/" in page.url


def arrows(page: Page) -> list[str]:
    """Return the texts of the diagram's items, one line each, without their times."""
    items = page.locator(".items > li").all_text_contents()
    return [re.sub(r"\s+", " ", re.sub(r"[\d.]+\sms", "", item)).strip() for item in items]


def test_the_import_is_drawn_message_by_message(visit: Visit, stack: Stack) -> None:
    page = visit()
    run(page, "Run the import with a fresh token")
    job, server, api = "Timesheets Import Job", "Authorization Server", "Timesheets API"
    assert page.locator(".participants li").all_text_contents() == [job, server, api]
    first, checks, token, call, *rest = arrows(page)
    assert first == f"1 {job} to {server}: POST /oauth/token"
    assert checks.startswith(f"2 {server}: The authorization server validates them")
    assert token == f"3 {server} to {job}: 200 OK, a token for {stack.timesheets_api} with batch:upload"
    assert call == f"4 {job} to {api}: POST /timesheets/upload 2 times"
    assert rest == [f"{api}: The token passes every check", f"{api} to {job}: 200 OK"]
    expect(page.get_by_role("region", name="Timesheets now in the API").get_by_role("row")).to_have_count(9)


def test_a_step_opens_in_place_and_its_token_is_decoded_claim_by_claim(visit: Visit, stack: Stack) -> None:
    page = visit()
    run(page, "Run the import with a fresh token")
    page.evaluate("window.untouched = true")
    page.get_by_role("link", name="200 OK, a token for").click()
    pane = page.locator("#pane")
    expect(pane.get_by_role("heading", level=3)).to_have_text(re.compile("answers with an access token"))
    audience = pane.get_by_role("listitem").filter(has=page.get_by_text("aud", exact=True))
    expect(audience).to_contain_text(stack.timesheets_api)
    expect(audience).to_contain_text("verified: audience")
    expect(audience).to_contain_text("The API that the token is for.")
    expect(audience.get_by_role("link")).to_have_attribute(
        "href", "https://www.rfc-editor.org/rfc/rfc9068#section-2.2"
    )
    expect(pane).to_contain_text(re.compile(r"expires in (5\d minutes|1 hour)"))
    expect(pane).to_contain_text("[signature cut]")
    assert page.url.endswith("/1-response")
    assert page.evaluate("window.untouched"), "the page was not loaded again"
    page.reload()
    expect(pane).to_contain_text("verified: audience")


def test_the_second_import_uses_the_token_in_the_cache(visit: Visit) -> None:
    page = visit()
    run(page, "Run the import with a fresh token")
    run(page, "Run the import with the token in the cache")
    assert re.search(r"No token request: the cached token has (5\d minutes|1 hour)", arrows(page)[0])
    assert not any("POST /oauth/token" in arrow for arrow in arrows(page))
    expect(page.locator("#pane")).to_contain_text("This request was not sent.")


@pytest.mark.parametrize(
    ("case", "answer", "check"),
    [
        ("A wrong secret", "401 unauthorized, invalid_client", "credentials"),
        ("A changed payload", "401 unauthorized, invalid_token", "signature"),
        ("Too small a scope for the route", "403 forbidden, insufficient_scope", "scope"),
    ],
)
def test_a_failing_case_opens_where_it_failed(visit: Visit, case: str, answer: str, check: str) -> None:
    page = visit()
    run(page, case)
    expect(page.get_by_text("Answered as expected")).to_be_visible()
    assert arrows(page)[-1].lower().endswith(answer)  # servers write the reason phrase in their own way
    expect(page.locator('[aria-current="step"]')).to_contain_text(f"Refused at the check “{check}”")
    expect(page.locator("#pane .checks li").last).to_have_class("failed")
    expect(page.locator("#pane .checks .failed .check")).to_have_text(check)


def test_the_keyboard_steps_through_a_run(visit: Visit) -> None:
    page = visit()
    run(page, "Run the import with a fresh token")
    position, current = page.locator("#pane .position"), page.locator('[aria-current="step"]')
    for key, place in (("j", 2), ("ArrowRight", 3), ("k", 2), ("ArrowLeft", 1), ("k", 1)):
        page.keyboard.press(key)
        expect(position).to_have_text(f"{place} of 6")
        expect(current).to_contain_text("validates them" if place == 2 else "token")
    page.keyboard.press("j")
    expect(current).to_be_focused()


def test_a_run_is_drawn_while_it_is_running(visit: Visit, stack: Stack) -> None:
    """The API is down: the job gets a token, tries the API several times, and gives up."""
    page = visit()
    stack.stop("protected-api")
    try:
        page.get_by_role("button", name="Run the import with a fresh token").click()
        page.evaluate("window.untouched = true")
        expect(page.get_by_role("link", name="200 OK, a token for")).to_be_visible()
        expect(page.locator(".run .state")).to_have_text("failed", timeout=60_000)
        expect(page.locator(".error")).to_contain_text(
            re.compile("What to do: (see that it runs|wait until)")
        )
        assert re.search("no answer: ConnectionError|503 Service Unavailable", arrows(page)[-1]), "by a proxy"
        assert page.evaluate("window.untouched"), "the page was not loaded again"
    finally:
        stack.start("protected-api")
        stack.wait_until_ready()


def test_works_without_javascript(visit: Visit) -> None:
    page = visit(java_script_enabled=False)
    run(page, "Run the import with a fresh token")
    page.get_by_role("link", name="200 OK, a token for").click()
    expect(page.locator("#pane")).to_contain_text("verified: audience")
    page.get_by_role("link", name="next").click()
    expect(page.locator("#pane")).to_contain_text("The job calls the API with the token")


def test_a_new_run_is_drawn_arrow_by_arrow_unless_the_reader_wants_no_motion(visit: Visit) -> None:
    moving = visit(reduced_motion="no-preference")
    run(moving, "Run the import with a fresh token")
    expect(moving.locator(".items > li.arriving")).to_have_count(6)
    moving.reload()
    expect(moving.get_by_role("button", name="Play it again")).to_be_visible()
    still = visit()
    run(still, "Run the import with a fresh token")
    assert still.locator(".arriving").count() == 0
    expect(still.get_by_role("button", name="Play it again")).to_be_hidden()


@pytest.mark.long
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_anybody_can_read_it_at_any_width_in_light_and_dark(visit: Visit, width: int, colours: str) -> None:
    page = visit(width=width, color_scheme=colours)
    for button, step in (
        ("Run the import with a fresh token", "1-response"),
        ("A changed payload", "2-checks"),
    ):
        run(page, button)
        page.locator(f'.items [data-step="{step}"]').click()
        expect(page.locator(f'[data-step="{step}"][aria-current="step"]')).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width, (
            "nothing is wider than the window"
        )
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found] == []


@pytest.mark.long
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_glossary_can_be_read_by_anybody(visit: Visit, colours: str) -> None:
    for width in WIDTHS:
        page = visit("/glossary", width=width, color_scheme=colours)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert Axe().run(page).response["violations"] == []


def test_the_start_page_leads_to_the_first_lesson(visit: Visit) -> None:
    page = visit()
    page.get_by_role("link", name="New here? Start with lesson 1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Who sends what to whom")


def test_the_first_render_is_small(browser: Browser, stack: Stack) -> None:
    sizes: dict[str, int] = {}
    page = browser.new_page()
    page.on("response", lambda answer: sizes.update({answer.url: int(answer.headers["content-length"])}))
    page.goto(stack.url["calling-service"] + "/")
    page.close()
    assert {Path(url).name for url in sizes} >= {"page.css", "page.js"}
    assert sum(sizes.values()) < FIRST_RENDER
