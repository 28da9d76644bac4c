"""Durations, moments, answers and states in words, for the page and the terminal alike."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
TIMES = {"exp": ("expires in {}", "expired {} ago"), "nbf": ("valid in {}", "valid since {}")}
PAST = ("{} from now", "{} ago")
FILE_STATES = {  # those that do not speak for themselves
    "waiting": "still being written, as it seems; the next run looks again",
    "known": "imported before, and unchanged since; nothing is sent again",
}
DATE = "%a %d %b %Y %H:%M:%S UTC"


def duration(seconds: float) -> str:
    """Return a duration in words, in its two largest units: "59 minutes 58 seconds"."""
    left, words = int(abs(seconds)), []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(words[:2]) or "0 seconds"


def milliseconds(seconds: float) -> str:
    """Return a short time to two digits or the whole millisecond: "0.043 ms", "12 ms", on one line."""
    value = seconds * 1000
    return f"{value:.0f}\N{NO-BREAK SPACE}ms" if value >= 10 else f"{value:.2g}\N{NO-BREAK SPACE}ms"


def moment(timestamp: str) -> str:
    """Return a UTC time of RFC 3339 as people read it: "Tue 24 Nov 2026 03:32:56 UTC"."""
    return datetime.fromisoformat(timestamp).strftime(DATE)


def claimed_time(name: str, value: object, now: datetime) -> str | None:
    """Return what a token's exp, iat or nbf says, and how far that is from now; None for anything else."""
    if name not in {"exp", "iat", "nbf"} or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        at = datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    seconds = (at - now).total_seconds()
    ahead, behind = TIMES.get(name, PAST)
    return f"{at.strftime(DATE)}, {(ahead if seconds >= 0 else behind).format(duration(seconds))}"


def state_notes(files: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the states of these files mean: "waiting: still being written, …"."""
    states = {file["state"] for file in files}
    return (f"{state}: {meaning}" for state, meaning in FILE_STATES.items() if state in states)


def clock(timestamp: str) -> str:
    """Return the time of day of a UTC time of RFC 3339: "03:32:56"."""
    return datetime.fromisoformat(timestamp).strftime("%H:%M:%S")


def answer(outcome: Mapping[str, Any]) -> str:
    """Return what came of a request, or should: "401 invalid_client at the check credentials"."""
    error = f" {outcome['error']}" if outcome["error"] else ""
    return f"{outcome['status']}{error}" + (f" at the check {outcome['check']}" if outcome["check"] else "")
