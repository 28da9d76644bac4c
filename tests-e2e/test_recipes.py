"""The recipes work: each is followed from its first line to its last, in a stack of its own.

A console block is run and must print what the page shows. A diff block is an edit: its first line names the
file, and its other lines must fit one place of that file.
"""

from collections.abc import Callable

import pytest
from live_stack import CHECKOUT, Stack
from shell import Shell, blocks

RECIPES = ("give-access",)


@pytest.fixture
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return a stack of local processes: there, the tenant file that a reader edits is the one in use."""
    stack = new_stack()
    stack.environment["RUNTIME"] = "local"
    return stack


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_step_of_the_recipe_works(stack: Stack, recipe: str) -> None:
    steps = blocks((CHECKOUT / f"docs/{recipe}.md").read_text(), "console", "diff")
    assert steps
    with Shell(stack) as shell:
        for language, text in steps:
            if language == "console":
                shell.run_block(text)
            else:
                edit(stack, text)


def edit(stack: Stack, diff: str) -> None:
    """Make the change of a diff block, whose first line is `--- FILE`."""
    first, *lines = diff.splitlines()
    file = first.removeprefix("--- ")
    old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
    new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
    assert (stack.folder / file).read_text().count(old) == 1, f"one place in {file} must have:\n{old}"
    stack.edit(file, old, new)
