"""Every link between our pages leads somewhere: to a file, a folder or a heading that exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_stack import CHECKOUT

PAGES = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])
EACH = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(CHECKOUT)) for page in PAGES])
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MODULE = re.compile(r"`([\w/]+\.py)`")
NEW_FILE = re.compile(r"New file `([^`]+)`:")  # which the reader makes


def prose(page: Path) -> str:
    """Return the page without its fenced blocks."""
    return FENCED.sub("", page.read_text())


def links(page: Path) -> Iterator[str]:
    """Yield the targets of the page's links, but for those to other sites."""
    for target in ("".join(groups) for groups in LINK.findall(prose(page))):
        if not re.match("[a-z]+:", target):
            yield target


def anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings, formed as GitHub forms them."""
    titles = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in HEADING.findall(prose(page)))
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@EACH
def test_every_link_leads_to_a_file_or_folder(page: Path) -> None:
    files = (target.partition("#")[0] for target in links(page))
    assert [file for file in files if not (page.parent / file).exists()] == []


@EACH
def test_every_anchor_is_a_heading(page: Path) -> None:
    lost = []
    for target in links(page):
        file, _, anchor = target.partition("#")
        linked = page.parent / file if file else page
        if anchor and linked.is_file() and anchor not in anchors(linked):
            lost.append(target)
    assert lost == []


def test_the_list_of_pages_names_each_by_its_title() -> None:
    listed = re.findall(
        r"^\| \[([^\]]+)\]\(([^)]+)\)", (CHECKOUT / "docs/README.md").read_text(), re.MULTILINE
    )
    titles = {page: HEADING.findall((CHECKOUT / "docs" / page).read_text())[0] for _, page in listed}
    assert [title for title, page in listed if title != titles[page]] == []
    assert {page.name for page in CHECKOUT.glob("docs/*.md")} - titles.keys() == {"README.md"}


@EACH
def test_every_module_that_is_named_exists(page: Path) -> None:
    named = set(MODULE.findall(prose(page))) - set(NEW_FILE.findall(prose(page)))
    assert [name for name in sorted(named) if not any(CHECKOUT.glob(f"[!.]*/**/{name}"))] == []
