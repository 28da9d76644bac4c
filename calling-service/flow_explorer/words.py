"""Durations, moments, values and outcomes in words, for the page and the terminal alike."""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from calling_service.runs.case import Outcome

UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
TIMES = {  # claims that hold a time, and how it reads ahead of now and behind it
    "exp": ("expires in {}", "expired {} ago"),
    "nbf": ("valid in {}", "valid since {}"),
    "iat": ("{} from now", "{} ago"),
}
JWT_PART = re.compile(r"(?<![\w-])((?>[\w-]*?\beyJ[\w-]{6}))[\w-]++(?=\.)", re.ASCII)
STATE_NOTES = {  # of the states that do not speak for themselves
    "waiting": "it may still be written to; the next run looks again",
    "known": "imported before, and unchanged since; nothing is sent again",
}


def duration(seconds: float) -> str:
    """Return a duration in words, in its two largest units: "59 minutes 58 seconds"."""
    left = int(abs(seconds))
    words: list[str] = []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if count == 1:
            words.append(f"1 {unit}")
        elif count:
            words.append(f"{count} {unit}s")
    return " ".join(words[:2]) or "0 seconds"


def milliseconds(seconds: float) -> str:
    """Return a short time to two digits or the whole millisecond: "0.043 ms", "12 ms", on one line."""
    value = seconds * 1000
    if value >= 10:
        return f"{value:.0f}\N{NO-BREAK SPACE}ms"
    return f"{value:.2g}\N{NO-BREAK SPACE}ms"


def moment(at: datetime) -> str:
    """Return a moment in UTC as people read it: "Tue 24 Nov 2026 03:32:56 UTC"."""
    return at.strftime("%a %d %b %Y %H:%M:%S UTC")


def omitted_note(known: int) -> str:
    """Return how many files a run does not list because they were imported before; "" if none."""
    if not known:
        return ""
    return f"not listed: {known:,} more files that were imported before"


def rounding_note(hours: float) -> str:
    """Return what rounding the hours of entries has added in all; "" if nothing."""
    amount = f"{abs(hours):.4f}".rstrip("0").rstrip(".")
    if amount == "0":
        return ""
    verb = "added" if hours > 0 else "took off"
    return f"rounding to hundredths of an hour {verb} {amount} hours in all"


def claimed_time(name: str, value: object, now: datetime) -> str | None:
    """Return what a token's exp, iat or nbf says, and how far that is from now; None for anything else."""
    if name not in TIMES or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        at = datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    seconds = (at - now).total_seconds()
    ahead, behind = TIMES[name]
    if seconds >= 0:
        return f"{moment(at)}, {ahead.format(duration(seconds))}"
    return f"{moment(at)}, {behind.format(duration(seconds))}"


def answer(outcome: Outcome) -> str:
    """Return an outcome in words: "401 invalid_client at the check credentials"."""
    check = outcome.check and f"at the check {outcome.check}"
    return " ".join(str(word) for word in (outcome.status, outcome.error, check) if word)


def as_text(value: object) -> str:
    """Return the value of a header parameter or claim as JSON, a string without its quotes."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def short_tokens(text: str) -> str:
    """Return the text with only the first characters of each JWT's header and payload."""
    return JWT_PART.sub(r"\1…", text)


def state_notes(states: Iterable[str]) -> Iterator[str]:
    """Yield what these states of files mean, each once: "waiting: still being written, …"."""
    found = set(states)
    return (f"{state}: {meaning}" for state, meaning in STATE_NOTES.items() if state in found)
