"""How an API learns of a new key, and until when it keeps a withdrawn one."""

import time

from interop.api_trial import DAY, Trial, trial
from interop.issuer import Key
from interop.rows import Row

NEAR = 3  # seconds by which a time is exceeded
SINCE_FETCH = 150  # seconds; so long do some wait between two fetches
WAITS = (0, 30, 60, 120, 300, 600, 3600, 10800, DAY, 7 * DAY, 30 * DAY)


def unknown_kid(row: Row) -> str:
    """Return when a key is fetched that was published after the last fetch."""
    with trial(row, "defaults") as at:
        at.must_take_a_good_token()
        new = Key(at.main.alg)
        before = at.issuer.fetches()
        at.status(new)
        fetched = at.issuer.fetches() > before
        at.issuer.publish(at.main, at.other, new)
        for seconds in WAITS:
            at.wait(seconds + NEAR if seconds else 0)
            if at.status(new) == 200:
                return _said(fetched, seconds)
        return _said(fetched, None)


def _said(at_once: bool, seconds: int | None) -> str:
    if seconds == 0:
        return "at once"
    again = "never" if seconds is None else f"after {duration(seconds)}"
    return f"at once, again {again}" if at_once else again


def duration(seconds: int) -> str:
    """Return a duration in words."""
    for unit, name in ((DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            return f"{seconds // unit} {name}{'s' if seconds >= 2 * unit else ''}"
    return f"{seconds} s"


def withdrawn(row: Row, checks: str) -> str:
    """Return until when a key counts that has left the key set, while tokens of the next key come in."""
    with trial(row, checks) as at:
        following = Key(at.main.alg)
        at.issuer.publish(at.main, at.other, following)
        at.must_take_a_good_token()
        at.status(following)
        at.issuer.publish(at.other, following)
        for seconds in WAITS:
            at.wait(seconds + NEAR if seconds else 0)
            if _refused_at_last(at, following):
                break
        else:
            return "the next restart"
    if not seconds:
        return "at once"
    in_use = 60 <= seconds <= 300 and _kept_by_use(row, checks)
    return duration(seconds) + ("; without end while it is in use" if in_use else "")


def _refused_at_last(at: Trial, following: Key) -> bool:
    """Return whether the withdrawn key is refused, if need be after a fetch in the background."""
    for _ in range(10):
        at.status(following)
        if at.status(at.main) != 200:
            return True
        time.sleep(0.1)
    return False


def _kept_by_use(row: Row, checks: str) -> bool:
    """Return whether a withdrawn key that is used every 20 seconds still counts after half an hour."""
    with trial(row, checks) as at:
        at.must_take_a_good_token()
        at.issuer.publish(at.other)
        for seconds in range(20, 1800, 20):
            at.wait(seconds)
            if at.status(at.main) != 200:
                return False
        return True


def second_revocation(row: Row) -> str:
    """Return what a token of a new key does to a withdrawn one, some time after the last fetch."""
    with trial(row, "defaults") as at:
        following = Key(at.main.alg)
        fresh = Key(at.main.alg)
        at.issuer.publish(at.main, at.other, following)
        at.must_take_a_good_token()
        at.status(following)
        at.wait(SINCE_FETCH)
        at.issuer.publish(at.other, fresh)
        taken = at.status(fresh) == 200
        kept = at.status(at.main) == 200
    new = "takes the new key" if taken else "refuses the new key"
    return f"{new}, keeps the old one" if kept else f"{new}, drops the old one"
