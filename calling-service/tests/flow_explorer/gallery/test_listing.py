"""The lists of cases are made from cases.toml."""

from pathlib import Path

from click import unstyle
from flow_explorer.gallery import listing
from flow_explorer.gallery.case import gallery

PAGE = Path(__file__).parents[4] / "docs/gallery.md"


def test_the_docs_have_the_tables_that_the_file_makes() -> None:
    made = "\n".join(listing.markdown(gallery().values()))
    assert made.strip() == "## " + PAGE.read_text().partition("\n## ")[2].strip(), (
        "python -m calling_service try --markdown prints them"
    )


def test_the_terminal_lists_each_case_under_its_group() -> None:
    lines = [unstyle(line) for line in listing.terminal(gallery().values(), 70)]
    assert max(map(len, lines)) <= 70
    assert [line.split(" ")[1] for line in lines if line.startswith("━━")] == [
        "Who",
        "What",
        "Is",
        "How",
        "Who",
        "What",
    ]
    assert [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "] == list(gallery())
    assert lines[2:4] == [
        "  wrong-secret               A wrong secret → 401 invalid_client at",
        "                             the check credentials",
    ]
