"""Take the pictures in docs/screenshots from the running stack: `make up`, then `make screenshots`."""

import os
import sys
from pathlib import Path
from typing import Literal

import chromium
from playwright.sync_api import Browser, expect

FOLDER = Path(__file__).resolve().parent.parent / "docs/screenshots"
FRESH, PAYLOAD = "Run the import with a fresh token", "A changed payload"
Colours = Literal["light", "dark"]
PICTURES: dict[str, tuple[str, str, Colours]] = {  # the button to press, the step to open
    "import": (FRESH, "1-response", "light"),
    "failing": (PAYLOAD, "2-checks", "light"),
    "dark": (FRESH, "2-checks", "dark"),
}


def take(browser: Browser, address: str, name: str) -> None:
    """Run what the picture shows, and take the picture."""
    button, step, colours = PICTURES[name]
    page = browser.new_page(
        viewport={"width": 1280, "height": 860}, reduced_motion="reduce", color_scheme=colours
    )
    page.goto(address)
    page.get_by_role("button", name=button).click()
    expect(page.locator("[data-run]:not([data-running])")).to_be_visible(timeout=30_000)
    page.locator(f'.items [data-step="{step}"]').click()
    expect(page.locator(f'[data-step="{step}"][aria-current="step"]')).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=FOLDER / f"{name}.png")
    page.close()


def take_comparison(browser: Browser, address: str) -> None:
    """Play a good token and a bad one, and take the picture of what differs."""
    page = browser.new_page(viewport={"width": 1280, "height": 1180}, reduced_motion="reduce")
    page.goto(f"{address}compare")
    page.get_by_label("Left").select_option(label="A second call with the token from the cache")
    page.get_by_label("Right").select_option(label=PAYLOAD)
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".pair")).not_to_have_count(0, timeout=30_000)
    page.screenshot(path=FOLDER / "compare.png")
    page.close()


def main() -> None:
    """Take all pictures."""
    if (path := chromium.installed()) is None:
        sys.exit(f"none of {', '.join(chromium.NAMES)} is installed")
    FOLDER.mkdir(exist_ok=True)
    address = f"http://localhost:{os.environ.get('CALLING_SERVICE_PORT', '9002')}/"
    with chromium.started(path) as browser:
        for name in PICTURES:
            take(browser, address, name)
        take_comparison(browser, address)


if __name__ == "__main__":
    main()
