"""Whether a token that an API refused with 401 is kept for a moment: one that is young, the first time.

An API whose clock is behind refuses a new token for a moment, and a newer one for longer. If an API refuses
every token, that leads to one token call in 5 s.
"""

from .access_token import Moment, Token

YOUNG = 5.0  # seconds


class RefusedTokens:
    """What one token source remembers of refusals; threads may share it."""

    def __init__(self) -> None:
        self._kept: Token | None = None
        self._dropped_at: Moment | None = None

    def was_kept(self, token: Token) -> bool:
        """Return whether this token was the last one that was kept."""
        return self._kept == token

    def keeps(self, token: Token, now: Moment, *, again: bool) -> bool:
        """Return whether the token is kept; `again`: it had been refused before it was sent this time."""
        has_just_dropped = self._dropped_at is not None and self._dropped_at.is_within(YOUNG, now)
        if token.received_at.is_within(YOUNG, now) and (has_just_dropped or not again):
            self._kept = token
            return True
        self._dropped_at = now
        return False
