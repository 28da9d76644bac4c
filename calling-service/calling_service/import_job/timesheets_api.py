"""The one call that the job makes to the Timesheets API: upload entries, all or none of them."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
import requests
from timesheet_exports.entry_rows import Entry, Problem

LONGEST_TEXT = 300  # characters of what the API says that are kept
TOKEN = re.compile(r"eyJ[\w.-]+", re.ASCII)  # a JWT, which an API could echo


@dataclass(eq=False)
class ApiError(Exception):
    """The API did not do what was asked."""

    url: str
    status: int | None  # None: it did not answer
    detail: str  # what it says, shortened


@dataclass(frozen=True, slots=True)
class Receipt:
    """The API's answer: how many entries were booked and unchanged, or which were refused, by their index."""

    booked: int = 0
    unchanged: int = 0
    refused: dict[int, Problem] = field(default_factory=dict)


class TimesheetsApi:
    """The API at `url`, called through a session that authenticates by itself."""

    def __init__(self, session: requests.Session, url: str, timeout: tuple[float, float]) -> None:
        self._session = session
        self._timeout = timeout
        self._upload_url = url.rstrip("/") + "/timesheets/upload"

    def upload(self, entries: Sequence[Entry]) -> Receipt:
        """Upload the entries; raise ApiError, or what the session's auth raises."""
        document = orjson.dumps({"entries": [entry._asdict() for entry in entries]})
        try:
            response = self._session.post(
                self._upload_url,
                document,  # not escaped, so that the longest entries stay under the API's 1 MiB
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ApiError(self._upload_url, None, type(error).__name__) from error
        answer = _json_object(response)
        if response.status_code == 200:
            return self._receipt(answer, len(entries))
        refused = _refused(answer, len(entries))
        if response.status_code == 422 and refused:
            return Receipt(refused=refused)
        detail = answer.get("detail") or answer.get("error_description") or response.reason
        raise ApiError(self._upload_url, response.status_code, _quotable(detail))

    def _receipt(self, answer: dict[str, Any], sent: int) -> Receipt:
        booked = answer.get("booked")
        unchanged = answer.get("unchanged")
        if not isinstance(booked, int) or not isinstance(unchanged, int) or booked + unchanged != sent:
            raise ApiError(self._upload_url, 200, f"does not account for the {sent} entries that were sent")
        return Receipt(booked, unchanged)


def _json_object(response: requests.Response) -> dict[str, Any]:
    with suppress(ValueError, RecursionError):
        answer = response.json()
        if isinstance(answer, dict):
            return answer
    return {}


def _refused(answer: dict[str, Any], sent: int) -> dict[int, Problem]:
    """Return the first problem of each entry that the API refuses."""
    errors = answer.get("errors")
    refused: dict[int, Problem] = {}
    if not isinstance(errors, list):
        return refused
    for error in errors:
        index = error.get("index") if isinstance(error, dict) else None
        if isinstance(index, int) and 0 <= index < sent:
            name = str(error.get("field") or "")
            reason = error.get("reason") or error.get("code") or "refused by the API"
            refused.setdefault(index, (name, _quotable(reason)))
    return refused


def _quotable(text: object) -> str:
    """Return what the API says, shortened and without a token, for a report or a rejects file."""
    return TOKEN.sub("***", str(text)[:LONGEST_TEXT])
