"""The signing keys as an operator sees them: what each is now, and until when."""

from collections import Counter
from collections.abc import Collection, Iterator

from auth_server.command_output import Row, as_time
from auth_server.keys.life import KeySet

COLUMNS = {
    "KEY": "kid",
    "ALG": "alg",
    "APIS": "apis",
    "STATE": "state",
    "ANNOUNCED": "announced_at",
    "SIGNS FROM": "signs_from",
    "PUBLISHED UNTIL": "published_until",
}


def list_keys(keys: KeySet, signing_algs: Collection[str], now: float) -> Iterator[Row]:
    """Yield every stored key, the latest of each algorithm first; a time is None while it is not known.

    `apis` is for how many APIs the algorithm signs now.
    """
    apis = Counter(signing_algs)
    for life in keys.lives:
        yield {
            "kid": life.key.kid,
            "alg": life.key.alg,
            "apis": apis[life.key.alg],
            "state": life.state(now),
            "announced_at": as_time(life.key.announced_at),
            "signs_from": as_time(life.key.signs_from),
            "signs_until": as_time(life.signs_until),
            "published_until": as_time(life.published_until),
        }
