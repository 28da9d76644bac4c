"""The life of a signing key: next, current, previous, retired. It follows from the key's times and the clock.

No job switches a key: workers agree once they read its row. Not here: what writes it (keys/store.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from auth_server.algorithms import SIGNING_ALGS


class State(StrEnum):
    """What a key is at a moment."""

    NEXT = "next"
    CURRENT = "current"
    PREVIOUS = "previous"
    RETIRED = "retired"
    REVOKED = "revoked"


PUBLISHED = (State.NEXT, State.CURRENT, State.PREVIOUS)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A row. Times in Unix seconds; `longest_lifetime` of a token that the key signs, in seconds.

    From `unused_from` on, no API needs the algorithm.
    """

    kid: str
    alg: str
    generation: int
    announced_at: int
    signs_from: int
    longest_lifetime: int
    revoked_at: int | None = None
    unused_from: int | None = None
    public_jwk: Mapping[str, Any] = field(default_factory=dict)
    encrypted_private_jwk: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class KeyLife:
    """A key, and when its successor begins to sign or no API needs it; None if neither is known."""

    key: StoredKey
    signs_until: int | None

    @property
    def never_signs(self) -> bool:
        """Return whether no API needs the key when it would begin to sign."""
        return self.signs_until is not None and self.signs_until < self.key.signs_from

    @property
    def published_until(self) -> int | None:
        """Return when the last token that the key signed expires, or when the key was revoked."""
        if self.key.revoked_at is not None:
            return self.key.revoked_at
        if self.signs_until is None or self.never_signs:
            return self.signs_until
        return self.signs_until + self.key.longest_lifetime

    def state(self, now: float) -> State:
        """Return what the key is at a moment."""
        if self.key.revoked_at is not None:
            return State.REVOKED
        if self.signs_until is not None and self.signs_until <= now:
            return State.RETIRED if self.is_over(now) else State.PREVIOUS
        return State.NEXT if now < self.key.signs_from else State.CURRENT

    def is_over(self, now: float) -> bool:
        """Return whether the key signs no more and every token that it signed has expired."""
        if self.key.revoked_at is not None:
            return self.key.revoked_at + self.key.longest_lifetime <= now
        return self.published_until is not None and self.published_until <= now


class KeySet:
    """All keys of the server, the latest of each algorithm first."""

    def __init__(self, keys: Iterable[StoredKey]) -> None:
        self.lives: list[KeyLife] = []
        self._by_alg: dict[str, list[KeyLife]] = {alg: [] for alg in SIGNING_ALGS}
        successors: dict[str, int] = {}
        for key in sorted(keys, key=lambda key: (SIGNING_ALGS.index(key.alg), -key.generation)):
            life = KeyLife(key, _earliest(successors.get(key.alg), key.unused_from))
            self.lives.append(life)
            self._by_alg[key.alg].append(life)
            end = _earliest(key.revoked_at, key.unused_from)
            if end is None or key.signs_from < end:  # else it never signs
                successors[key.alg] = key.signs_from

    def of(self, alg: str, now: float, *states: State) -> list[KeyLife]:
        """Return the keys of an algorithm that are in one of these states."""
        return [life for life in self._by_alg[alg] if life.state(now) in states]

    def published(self, now: float) -> list[StoredKey]:
        """Return the keys that verifiers may know."""
        return [life.key for life in self.lives if life.state(now) in PUBLISHED]

    def lacks_a_next(self, now: float) -> bool:
        """Return whether an algorithm that is still needed has a current key and no next one."""
        return any(
            life.key.unused_from is None and not self.of(alg, now, State.NEXT)
            for alg in SIGNING_ALGS
            for life in self.of(alg, now, State.CURRENT)
        )


def _earliest(*times: int | None) -> int | None:
    return min((time for time in times if time is not None), default=None)
