"""A time in which no token request is sent, because of the error that the last one brought."""

from dataclasses import dataclass, field

from .access_token import Moment
from .token_request import TokenError

REFUSED = 30.0  # seconds without a call after a refused credential, unless the credential changes


@dataclass(frozen=True, slots=True)
class BackOff:
    """The pause after an error; it ends by whichever clock says so first."""

    error: TokenError
    began_at: Moment
    secret: str | None = field(repr=False)  # the one that was refused; None: the pause holds for every secret

    def check(self, secret: str, now: Moment) -> None:
        """Raise the error again if the pause goes on for this secret."""
        error = self.error
        if self.secret in {None, secret} and self.began_at.is_within(error.retry_after, now):
            left = error.retry_after - self.began_at.seconds_until(now)
            raise TokenError(error.error, error.description, error.status, left)


def back_off_after(error: TokenError, secret: str, now: Moment) -> BackOff | None:
    """Return the pause that an error demands, if any, and write its seconds into the error."""
    if error.error == "invalid_client" or error.status == 401:
        error.retry_after = max(error.retry_after, REFUSED)
        return BackOff(error, now, secret)  # another secret may be right at once
    if error.retry_after:
        return BackOff(error, now, None)
    return None
