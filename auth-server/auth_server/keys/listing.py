"""The signing keys as an operator sees them: what each is now, and until when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from auth_server.command_output import as_time
from auth_server.keys.life import KeySet


@dataclass(frozen=True, slots=True)
class ListedKey:
    """One key; times in RFC 3339, None where they are not settled yet."""

    kid: str
    alg: str
    state: str
    announced_at: str | None
    signs_from: str | None
    signs_until: str | None
    published_until: str | None


def list_keys(keys: KeySet, now: float) -> Iterator[ListedKey]:
    """List every key that is stored, the latest of each algorithm first."""
    for life in keys.lives:
        key = life.key
        yield ListedKey(
            key.kid,
            key.alg,
            life.state(now),
            as_time(key.announced_at),
            as_time(key.signs_from),
            as_time(life.signs_until),
            as_time(life.published_until),
        )


def key_rows(keys: Iterable[ListedKey]) -> Iterator[tuple[str, ...]]:
    """Give the rows of a table."""
    yield ("KEY", "ALG", "STATE", "ANNOUNCED", "SIGNS FROM", "PUBLISHED UNTIL")
    for key in keys:
        times = (key.announced_at, key.signs_from, key.published_until)
        yield (key.kid, key.alg, key.state, *(time or "-" for time in times))
