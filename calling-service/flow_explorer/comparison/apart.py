"""Where two texts part: the words that differ, without what is the same before and after them."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

WORD = re.compile(r"\w+|\W")


class Pieces(NamedTuple):
    """A text in three pieces; any of them may be empty."""

    before: str
    different: str
    after: str


def apart(text: str, other: str) -> Pieces:
    """Return the text in pieces: what it begins with like the other, what differs, what both end with."""
    words = WORD.findall(text)
    others = WORD.findall(other)
    start = in_common(words, others)
    rest = words[start:]
    end = in_common(rest[::-1], others[start:][::-1])
    middle = len(rest) - end
    return Pieces("".join(words[:start]), "".join(rest[:middle]), "".join(rest[middle:]))


def in_common(left: Sequence[object], right: Sequence[object]) -> int:
    """Return how many items both begin with."""
    pairs = zip(left, right, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
