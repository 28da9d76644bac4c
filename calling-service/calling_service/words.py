"""Durations and moments in words, for the page and the terminal alike."""

from datetime import datetime

UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def duration(seconds: float) -> str:
    """Return a duration in words, in its two largest units: "59 minutes 58 seconds"."""
    left, words = int(abs(seconds)), []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(words[:2]) or "0 seconds"


def milliseconds(seconds: float) -> str:
    """Return a short time to two digits or the whole millisecond: "0.043 ms", "12 ms"."""
    value = seconds * 1000
    return f"{value:.0f} ms" if value >= 10 else f"{value:.2g} ms"


def moment(timestamp: str) -> str:
    """Return a UTC time of RFC 3339 as people read it: "Tue 24 Nov 2026 03:32:56 UTC"."""
    return f"{datetime.fromisoformat(timestamp):%a %d %b %Y %H:%M:%S} UTC"
