"""What a drill is, and which ones there are."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from drills import scenes
from drills.stage import Stage
from drills.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One drill: its texts, what it does, and which tally shows that its expectation holds.

    `play` fills the tally of its stage, which says whether it is the wrong twin. `damaged` returns whether
    the twin's tally shows the damage.
    """

    title: str
    breaks: str
    expects: str
    left_out: str  # by the wrong twin
    damage: str
    teaches: str
    play: Callable[[Stage], None]
    holds: Callable[[Tally], bool]
    damaged: Callable[[Tally], bool]
    seconds: int = 120  # after which it is broken off; on an idle machine it takes a fifth of that
    needs_docker: bool = False


def read_drills() -> dict[str, Drill]:
    """Return all drills by their names, in the order of the list in `scenes`."""
    found = {module.name for module in pkgutil.iter_modules(scenes.__path__)}
    if found != set(scenes.IN_ORDER):
        raise LookupError(f"scenes.IN_ORDER does not list the modules: {found ^ set(scenes.IN_ORDER)}")
    return {
        name.replace("_", "-"): importlib.import_module(f"drills.scenes.{name}").DRILL
        for name in scenes.IN_ORDER
    }
