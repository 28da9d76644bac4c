"""An access token, and its age by two clocks.

The monotonic clock stands still while a laptop sleeps or a virtual machine is paused, and the wall clock can
be set. So the age is what the clock says by which more time has passed.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Moment:
    """What both clocks say at one time, in seconds."""

    monotonic: float
    wall: float

    def seconds_until(self, later: "Moment") -> float:
        """Return how much time has passed; less than 0 if both clocks were set back."""
        return max(later.monotonic - self.monotonic, later.wall - self.wall)

    def is_within(self, seconds: float, now: "Moment") -> bool:
        """Return whether less than `seconds` have passed; False too if both clocks were set back."""
        return 0 <= self.seconds_until(now) < seconds


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; its times are seconds since it was received.

    Two are equal if one call brought both: a server may send a token again that it sent before.
    """

    value: str = field(repr=False)
    scopes: frozenset[str]
    received_at: Moment
    renew_after: float = field(compare=False)
    life: float

    def is_valid(self, now: Moment) -> bool:
        """Return whether it has not expired."""
        return self.received_at.is_within(self.life, now)
