"""`make theft`: do the experiment, and write what happened into docs/theft.md."""

import tempfile
from pathlib import Path

from live_stack import CHECKOUT, Stack

from theft.experiment import Experiment

PAGE = CHECKOUT / "docs/theft.md"


def main() -> None:
    """Do the experiment with a stack of its own, and renew the rows of the page."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        try:
            PAGE.write_text(Experiment(stack).page(PAGE.read_text()))
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
