"""The life of a signing key: next, current, previous, retired. It follows from the key's times and the clock.

Nothing switches a key, so workers and instances need not agree on anything but its row. The rows are written
in `key_store`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SIGNING_ALGS = ("RS256", "ES256", "EdDSA")


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
    """A row; times in seconds since 1970, and in seconds the longest life of a token that it has signed."""

    kid: str
    alg: str
    generation: int
    announced_at: int
    signs_from: int
    longest_lifetime: int
    revoked_at: int | None = None
    public_jwk: Mapping[str, Any] = field(default_factory=dict)
    encrypted_private_jwk: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class KeyLife:
    """A key, and when its successor begins to sign; None where there is no successor."""

    key: StoredKey
    signs_until: int | None

    @property
    def published_until(self) -> int | None:
        """Tell when the last token that it has signed expires, or when it was revoked."""
        if self.key.revoked_at is not None:
            return self.key.revoked_at
        return None if self.signs_until is None else self.signs_until + self.key.longest_lifetime

    def state(self, now: float) -> State:
        """Tell what the key is at a moment."""
        if self.key.revoked_at is not None:
            return State.REVOKED
        if now < self.key.signs_from:
            return State.NEXT
        if self.signs_until is None or now < self.signs_until:
            return State.CURRENT
        return State.RETIRED if self.is_over(now) else State.PREVIOUS

    def is_over(self, now: float) -> bool:
        """Tell whether the key signs no more, and every token that it has signed has expired."""
        end = self.signs_until if self.key.revoked_at is None else self.key.revoked_at
        return end is not None and end + self.key.longest_lifetime <= now


class KeySet:
    """All keys of the server, the latest of each algorithm first."""

    def __init__(self, keys: Iterable[StoredKey]) -> None:
        self.lives: list[KeyLife] = []
        successors: dict[str, int] = {}
        for key in sorted(keys, key=lambda key: (SIGNING_ALGS.index(key.alg), -key.generation)):
            self.lives.append(KeyLife(key, successors.get(key.alg)))
            if key.revoked_at is None or key.signs_from < key.revoked_at:  # one revoked before never signs
                successors[key.alg] = key.signs_from

    def of(self, alg: str, now: float, *states: State) -> list[KeyLife]:
        """Give the keys of an algorithm that are in one of these states."""
        return [life for life in self.lives if life.key.alg == alg and life.state(now) in states]

    def published(self, now: float) -> list[StoredKey]:
        """Give the keys that verifiers may know."""
        return [life.key for life in self.lives if life.state(now) in PUBLISHED]

    def lacks_a_next(self, now: float) -> bool:
        """Tell whether an algorithm that is in use has no key to go on with."""
        return any(
            self.of(alg, now, State.CURRENT) and not self.of(alg, now, State.NEXT) for alg in SIGNING_ALGS
        )
