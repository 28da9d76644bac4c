"""The gallery as a list: for the terminal, and in Markdown for docs/gallery.md."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from click import style

from flow_explorer.columns import heading, wrapped
from flow_explorer.gallery.case import Case
from flow_explorer.meanings import rfc_address
from flow_explorer.words import answer


def terminal(cases: Iterable[Case], width: int) -> Iterator[str]:
    """Yield one line or more for each case, under its group, styled with ANSI codes."""
    cases = tuple(cases)
    column = max(len(case.id) for case in cases) + 4
    for group, members in groupby(cases, key=lambda case: case.group):
        yield from heading(group, width)
        for case in members:
            text = f"{case.title} → {answer(case.expected)}"
            if case.overlay:
                text += f" (OVERLAY={case.overlay})"
            first, *others = wrapped(text, width - column, words=True)
            yield f"  {style(f'{case.id:<{column - 2}}', bold=True)}{first}"
            yield from (" " * column + line for line in others)
        yield ""


def markdown(cases: Iterable[Case]) -> Iterator[str]:
    """Yield the lines of one table under each group's heading."""
    for group, members in groupby(cases, key=lambda case: case.group):
        yield f"## {group}"
        yield ""
        yield "| case | what it changes | what it teaches | answer | failing check | see |"
        yield "|---|---|---|---|---|---|"
        for case in members:
            expected = case.expected
            status = str(expected.status)
            if expected.error:
                status += f" `{expected.error}`"
            check = f"`{expected.check}`" if expected.check else ""
            source = f"[{case.rfc}]({rfc_address(case.rfc)})"
            changes = case.changes
            if case.overlay:
                changes += f" (With `OVERLAY={case.overlay}`.)"
            yield f"| `{case.id}` | {changes} | {case.teaches} | {status} | {check} | {source} |"
        yield ""
