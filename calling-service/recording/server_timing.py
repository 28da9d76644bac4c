"""What a server reports about its own work in a Server-Timing header: its checks and the calls that it made.

The grammar is W3C Server Timing's. The meaning of names and of `desc` is this stack's own: a check's `desc`
says why it failed; a metric named `call.…` is a call, and its `desc` has the method, the URL and the answer.
One that is named `note` is neither.
"""

import re
from dataclasses import dataclass

WORD = r"[\w!#$%&'*+.^`|~-]+"  # RFC 9110 5.6.2
PARAMETER = re.compile(rf'\s*;\s*({WORD})\s*=\s*(?:({WORD})|"((?:[^"\\]|\\.)*)")', re.ASCII)
METRIC = re.compile(rf"(?:^|,)\s*({WORD})((?:{PARAMETER.pattern})*)\s*(?=,|$)", re.ASCII)
CALL = "call."
NOTE = "note"


@dataclass(frozen=True, slots=True)
class Check:
    """One check that the server made."""

    name: str
    duration: float  # seconds
    reason: str | None  # why it failed; None if it passed


@dataclass(frozen=True, slots=True)
class ServerCall:
    """One call that the server made itself while it answered."""

    name: str
    request: str  # method and URL
    answer: str  # its status, or what failed
    duration: float  # seconds
    after: int  # how many checks came before it


def parse(header: str) -> tuple[tuple[Check, ...], tuple[ServerCall, ...]]:
    """Return the checks and the calls in their order; ignore what is not of this form."""
    checks: list[Check] = []
    calls: list[ServerCall] = []
    for name, text, *_ in METRIC.findall(header):
        parameters = _parameters(text)
        duration = _seconds(parameters.get("dur", ""))
        description = parameters.get("desc", "")
        if name.startswith(CALL):
            method, _, rest = description.partition(" ")
            url, _, answer = rest.partition(" ")
            request = f"{method} {url}".strip()
            calls.append(ServerCall(name.removeprefix(CALL), request, answer, duration, len(checks)))
        elif name != NOTE:
            checks.append(Check(name, duration, description or None))
    return tuple(checks), tuple(calls)


def _parameters(text: str) -> dict[str, str]:
    found = PARAMETER.findall(text)
    return {name.lower(): word or re.sub(r"\\(.)", r"\1", quoted) for name, word, quoted in found}


def _seconds(milliseconds: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", milliseconds):
        return 0.0
    return float(milliseconds) / 1000
