"""What a server tells of its own work in a Server-Timing header: the checks it made, the calls it made.

The header's grammar is W3C Server Timing's; what a name and `desc` mean is this stack's own: `desc` on a
check is why it failed, a metric named `call.…` is a call, its `desc` the method, the URL and what came of it.
"""

import re
from dataclasses import dataclass

WORD = r"[\w!#$%&'*+.^`|~-]+"  # RFC 9110 5.6.2
PARAMETER = re.compile(rf'\s*;\s*({WORD})\s*=\s*(?:({WORD})|"((?:[^"\\]|\\.)*)")', re.ASCII)
METRIC = re.compile(rf"(?:^|,)\s*({WORD})((?:{PARAMETER.pattern})*)\s*(?=,|$)", re.ASCII)
CALL = "call."


@dataclass(frozen=True, slots=True)
class Check:
    """One check that the server made; `reason` says why it failed, None if it did not."""

    name: str
    duration: float  # seconds
    reason: str | None


@dataclass(frozen=True, slots=True)
class ServerCall:
    """One call that the server made itself, after so many of the checks."""

    name: str
    request: str  # method and URL
    answer: str  # its status, or what failed
    duration: float  # seconds
    after: int


def parse(header: str) -> tuple[tuple[Check, ...], tuple[ServerCall, ...]]:
    """Return the checks and the calls in their order; what is not of this form is passed over."""
    checks, calls = list[Check](), list[ServerCall]()
    for name, text, *_ in METRIC.findall(header):
        given = {key.lower(): word or _unquoted(quoted) for key, word, quoted in PARAMETER.findall(text)}
        duration, description = _seconds(given.get("dur", "")), given.get("desc")
        if name.startswith(CALL):
            method, url, answer = [*(description or "").split(" ", 2), "", ""][:3]
            request = f"{method} {url}".strip()
            calls.append(ServerCall(name.removeprefix(CALL), request, answer, duration, len(checks)))
        else:
            checks.append(Check(name, duration, description or None))
    return tuple(checks), tuple(calls)


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted)


def _seconds(milliseconds: str) -> float:
    return float(milliseconds) / 1000 if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", milliseconds) else 0.0
