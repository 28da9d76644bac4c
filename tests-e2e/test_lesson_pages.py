"""The lessons in a browser: beside the diagram, on a wall, by keyboard, without JavaScript, on paper."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flow_explorer.lessons.lesson import lessons
from live_stack import Stack
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.long
Visit = Callable[..., Page]

ENDED = "[data-run]:not([data-running])"


def findings(page: Page) -> list[tuple[str, str, str]]:
    """Return what axe-core finds: the rule, how serious it is, and the first element."""
    found = Axe().run(page).response["violations"]
    return [(rule["id"], rule["impact"], rule["nodes"][0]["html"]) for rule in found]


def test_a_step_runs_and_its_flow_stands_beside_the_text(visit: Visit) -> None:
    page = visit("/lessons/1")
    page.get_by_role("button", name="Run it: Ask with a wrong secret").click()
    expect(page.locator(ENDED)).to_be_visible(timeout=30_000)
    expect(page.get_by_role("listitem").filter(has_text="401 UNAUTHORIZED, invalid_client")).to_be_visible()
    expect(page.locator("#step-4")).to_contain_text("The API notices nothing")
    step, flow = page.locator("#step-4").bounding_box(), page.locator("#flow").bounding_box()
    assert step
    assert flow
    assert step["x"] + step["width"] <= flow["x"], "beside each other"
    page.keyboard.press("ArrowLeft")
    expect(page.locator('[data-step="1-request"][aria-current="step"]')).to_be_visible()
    assert re.search(r"/lessons/1/step/4/\w+/1-request$", page.url)


def test_a_narrow_window_shows_the_flow_below_its_step(visit: Visit) -> None:
    page = visit("/lessons/1", width=360)
    page.get_by_role("button", name="Run it: Ask with a wrong secret").click()
    expect(page.locator(ENDED)).to_be_visible(timeout=30_000)
    boxes = [page.locator(each).bounding_box() for each in ("#step-4", "#flow", "#step-5")]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(tops)
    assert len(tops) == 3


def test_the_space_bar_alone_goes_through_a_lesson(visit: Visit) -> None:
    page = visit("/lessons/1?projector")
    seen = []
    for _ in range(40):
        seen.append(page.locator("h1").inner_text())
        if seen[-1] == "Read the code":
            break
        before = page.url
        if page.get_by_role("button", name="Run it", exact=True).is_visible():
            expect(page.get_by_role("button", name="Run it", exact=True)).to_be_focused()
        page.keyboard.press("Space")
        if seen[-1] == "Check yourself":
            expect(page.locator("details")).to_have_attribute("open", "")
            page.keyboard.press("ArrowRight")
        page.wait_for_url(lambda url: url != before)  # noqa: B023  # waits in this round
    assert seen.count("What you see") == len(lessons()[1].steps)
    assert seen.count("1 Watch one import") == 2, "before the run and with it"
    assert seen[-4:] == ["Why", "Take away", "Check yourself", "Read the code"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("Lesson 1: Who sends what to whom")


def test_on_a_wall_a_message_opens_in_the_place_of_the_text(visit: Visit) -> None:
    page = visit("/lessons/1/slide/2")
    expect(page.get_by_role("button", name="Run it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(ENDED)).to_be_visible(timeout=30_000)
    expect(page.locator(".pane")).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator(".pane")).to_contain_text("What the Authorization Server checked")
    expect(page.get_by_text("count the programs")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_text("count the programs")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("h1")).to_have_text("What you see")
    expect(page.locator(".diagram")).to_be_visible()


def test_works_without_javascript(visit: Visit) -> None:
    page = visit("/lessons/1", java_script_enabled=False)
    page.get_by_role("button", name="Run it: Ask with a wrong secret").click()
    page.wait_for_selector(ENDED)
    page.get_by_role("link", name="POST /oauth/token").click()
    expect(page.locator("#pane")).to_contain_text("client id and client secret")
    expect(page.locator("#step-4")).to_have_attribute("aria-current", "step")
    page.get_by_role("link", name="Show it on a wall").click()
    page.get_by_role("link", name="Next", exact=True).click()
    page.get_by_role("button", name="Run it").click()
    page.wait_for_selector(ENDED)
    page.get_by_role("link", name="200 OK, a token for").click()
    expect(page.locator("#pane")).to_contain_text("verified: audience")
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.locator("h1")).to_have_text("What you see")


@pytest.mark.parametrize(("width", "colours"), [(360, "dark"), (1280, "light")])
def test_anybody_can_read_them(visit: Visit, width: int, colours: str) -> None:
    for path in ("/lessons", "/lessons/1", "/lessons/4", "/lessons/1/slide/1", "/lessons/4/slide/13"):
        page = visit(path, width=width, color_scheme=colours)
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
    for path in ("/lessons/4", "/lessons/1/slide/8"):
        page = visit(path, width=width, color_scheme=colours)
        page.get_by_role("button", name="Run it").first.click()
        expect(page.locator(ENDED)).to_be_visible(timeout=30_000)
        assert findings(page) == []
        page.locator(".items a").first.click()
        expect(page.locator(".pane")).to_be_visible()
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width, path


def test_a_lesson_can_be_printed(visit: Visit, tmp_path: Path) -> None:
    page = visit("/lessons/1")
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Run it: Watch one import")).to_be_hidden()
    expect(page.get_by_text("There are three programs")).to_be_visible()
    expect(page.get_by_text("nobody can compute the secret")).to_be_hidden()
    page.pdf(path=tmp_path / "lesson.pdf")
    assert (tmp_path / "lesson.pdf").stat().st_size > 10_000


def test_the_page_of_a_stack_links_its_lessons(visit: Visit, stack: Stack) -> None:
    page = visit("/lessons")
    page.get_by_role("link", name="Who sends what to whom").click()
    assert page.url == f"{stack.url['calling-service']}/lessons/1"
