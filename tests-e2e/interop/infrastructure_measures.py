"""What a program does with the table of tokens, and when the authorization server withdraws its keys."""

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from interop import recipes_running
from interop.our_issuer import OddToken, OurIssuer, odd_tokens
from interop.presenting import ACCEPTED, Present
from interop.rows import Row

SECONDS_AGO = (2, 20, 55, 70)  # how long a token has expired


@dataclass(frozen=True, slots=True)
class Place:
    """A program that runs: how to present a token, its address, and the folder of its recipe."""

    present: Present
    url: str
    folder: Path


def columns(row: Row, place: Place, issuer: OurIssuer) -> dict[str, Any]:
    """Return the columns of one row."""
    return {**_checks(row, place.present, issuer), **_keys(row, place, issuer)}


def accepts(present: Present, token: str) -> bool:
    """Return whether a program accepts a token; not so, if it does not answer."""
    with suppress(requests.RequestException, OSError):
        return present(token) in ACCEPTED
    return False


def _checks(row: Row, present: Present, issuer: OurIssuer) -> dict[str, Any]:
    """Return which tokens of the table are accepted, and what the others get."""
    left_out = row.extra.get("left_out", [])
    said = {name: present(issuer.token(odd)) for name, odd in odd_tokens().items() if name not in left_out}
    said["a bad signature"] = present(_tampered(issuer.token()))
    said["a missing token"] = present(None)
    of_algorithms = {name: said.pop(name) for name in ("ES256", "EdDSA")}
    refused = {name: status for name, status in said.items() if status not in ACCEPTED}
    return {
        "algorithms": ["RS256", *(name for name, status in of_algorithms.items() if status in ACCEPTED)],
        **{f"refuses_{status}": names for status, names in _by_status(refused).items()},
        "accepts": [name for name in said if name not in refused],
        "leeway": _leeway(present, issuer),
    }


def _tampered(token: str) -> str:
    message, _, signature = token.rpartition(".")
    return f"{message}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _by_status(refused: dict[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, status in refused.items():
        grouped.setdefault(status, []).append(name)
    return grouped


def _leeway(present: Present, issuer: OurIssuer) -> str:
    """Return for how long after its expiry a token is accepted."""
    now = int(time.time())
    taken = [
        seconds
        for seconds in SECONDS_AGO
        if present(issuer.token(OddToken(claims={"iat": now - 600, "exp": now - seconds}))) in ACCEPTED
    ]
    if not taken:
        return "none"
    return "60 s" if max(taken) == 55 else f"{max(taken)} s or more"


def _keys(row: Row, place: Place, issuer: OurIssuer) -> dict[str, str]:
    """Withdraw the signing key and the next one, and return how the program learns of both."""
    present = place.present
    former = [issuer.token() for _ in range(3)]
    present(former[0])  # now it has seen this one
    issuer.replace_keys()
    if row.extra.get("keys"):
        recipes_running.export_keys(issuer.jwks_uri, place.folder)
    at_once = present(former[1]) not in ACCEPTED
    learns = accepts(present, issuer.token())
    afterwards = not any(present(token) in ACCEPTED for token in (former[0], former[2]))
    withdrawn = "with the new key" if afterwards else "later"
    return {
        "new_key": "at once" if learns else "later",
        "withdrawn_key": "at once" if at_once else withdrawn,
    }
