"""Which arrows of two runs belong together, and which lines of two messages.

Both are symmetrical: with the sides swapped, the same pairs come out, each of them swapped.
"""

import re
from collections.abc import Mapping, Sequence

from recording.exchange import Exchange
from recording.story import API, AUTHORIZATION_SERVER

from flow_explorer.comparison.lines import WHERE, Key, Line

NUMBER = re.compile("/[0-9]+")
ALIKE = 4  # the worth of a pair with one method and path: more than any other pair that it could prevent
CALLS = 1  # of two calls of the API

Role = tuple[str, str, str]  # receiver, method, path
Place = int | None
TOKEN_REQUEST: Role = (AUTHORIZATION_SERVER, "POST", "token")


def role(exchange: Exchange) -> Role:
    """Return what an exchange is for; at the authorization server, where its endpoints begin says nothing."""
    target = exchange.request.start_line.split(" ")[1]
    path = NUMBER.sub("/{id}", target.partition("?")[0])
    if exchange.receiver == AUTHORIZATION_SERVER:
        path = path.rpartition("/")[2]
    return exchange.receiver, exchange.method, path


def aligned(left: Sequence[Role], right: Sequence[Role]) -> list[tuple[Place, Place]]:
    """Return the places of what belongs together, in order; None where one side has nothing.

    The pairs are those with the highest worth in all, as in the Needleman-Wunsch algorithm.
    """
    if list(right) < list(left):  # of equally good answers, one is chosen by an order that knows no sides
        return [(there, here) for here, there in aligned(right, left)]
    best = _best(left, right)
    pairs: list[tuple[Place, Place]] = []
    here = 0
    there = 0
    while here < len(left) and there < len(right):
        worth = _worth(left[here], right[there])
        if worth and best[here][there] == worth + best[here + 1][there + 1]:
            pairs.append((here, there))
            here += 1
            there += 1
        elif best[here][there] == best[here + 1][there]:
            pairs.append((here, None))
            here += 1
        else:
            pairs.append((None, there))
            there += 1
    pairs += [(place, None) for place in range(here, len(left))]
    pairs += [(None, place) for place in range(there, len(right))]
    return pairs


def _best(left: Sequence[Role], right: Sequence[Role]) -> list[list[int]]:
    """Return the highest worth of what is left from each place on."""
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for here in reversed(range(len(left))):
        for there in reversed(range(len(right))):
            together = _worth(left[here], right[there]) + best[here + 1][there + 1]
            best[here][there] = max(together, best[here + 1][there], best[here][there + 1])
    return best


def _worth(left: Role, right: Role) -> int:
    if left == right:
        return ALIKE
    if left[0] == right[0] == API:
        return CALLS
    return 0


def paired(left: Mapping[Key, Line], right: Mapping[Key, Line]) -> list[tuple[Key, Line | None, Line | None]]:
    """Return the lines that have one key, in the order in which they stand; None where one side has none."""
    places: dict[Key, int] = {}
    for side in (left, right):
        for place, key in enumerate(side):
            places[key] = min(place, places.get(key, place))
    order = sorted(places, key=lambda key: (WHERE.index(key.where), places[key], key))
    return [(key, left.get(key), right.get(key)) for key in order]
