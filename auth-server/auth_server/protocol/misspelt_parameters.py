"""Recognise parameters that look like one of ours in another spelling: case, separators, plural, brackets.

RFC 6749 3.2 has unknown parameters ignored, so that a client that sends `scopes` gets all that is granted.
"""

import re
from collections.abc import Iterable, Iterator

from auth_server.protocol.request_body import PARAMETERS

# Longer or other names resemble none of ours, and may be anything; these can be logged and repeated.
_SPELLING = re.compile(r"[A-Za-z_.\[\] -]{1,40}")


def _letters(name: str) -> str:
    return re.sub("[^a-z]", "", name.lower()).removesuffix("s")


_BY_LETTERS = {_letters(name): name for name in PARAMETERS}


def misspelt(names: Iterable[str]) -> Iterator[str]:
    """Yield each name that resembles a parameter of ours, with the question whether that was meant."""
    for name in names:
        if name not in PARAMETERS and _SPELLING.fullmatch(name):
            meant = _BY_LETTERS.get(_letters(name))
            if meant:
                yield f"{name}; did you mean {meant}?"
