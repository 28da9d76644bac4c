"""The one call that the job makes of the Timesheets API: upload entries, all or none of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import requests
from recording.redaction import without

from calling_service.import_job.export_rows import COLUMNS, Entry


class ApiError(Exception):
    """The API did not do what was asked: its status (None: no answer at all) and, bounded, what it says."""

    def __init__(self, url: str, status: int | None, detail: str) -> None:
        super().__init__(f"{url}: {status or 'no answer'}: {detail}")
        self.url, self.status, self.detail = url, status, detail


@dataclass(frozen=True, slots=True)
class Receipt:
    """The API's answer: how many were booked and unchanged, or which were refused, with column and reason."""

    booked: int = 0
    unchanged: int = 0
    refused: dict[int, tuple[str, str]] | None = None


class TimesheetsApi:
    """The API at `url`, called through a session that authenticates by itself."""

    def __init__(self, session: requests.Session, url: str, timeout: tuple[float, float]) -> None:
        self._session, self._timeout = session, timeout
        self._upload_url = url.rstrip("/") + "/timesheets/upload"

    def upload(self, entries: Sequence[Entry]) -> Receipt:
        """Upload the entries; raise ApiError, or what the session's auth raises."""
        document = json.dumps({"entries": [entry.as_json() for entry in entries]}, ensure_ascii=False)
        try:
            response = self._session.post(
                self._upload_url,
                document.encode(),  # not escaped, so that the longest entries stay under the API's 1 MiB
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise ApiError(self._upload_url, None, type(error).__name__) from error
        answer = _object(response)
        if response.status_code == 200:
            return self._receipt(answer, len(entries))
        if response.status_code == 422 and (refused := _refused(answer, len(entries))):
            return Receipt(refused=refused)
        detail = answer.get("detail") or answer.get("error_description") or response.reason
        raise ApiError(self._upload_url, response.status_code, without(str(detail), ())[:300])

    def _receipt(self, answer: dict[str, Any], sent: int) -> Receipt:
        booked, unchanged = answer.get("booked"), answer.get("unchanged")
        if not isinstance(booked, int) or not isinstance(unchanged, int) or booked + unchanged != sent:
            raise ApiError(self._upload_url, 200, f"does not account for the {sent} entries that were sent")
        return Receipt(booked, unchanged)


def _object(response: requests.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except (requests.JSONDecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refused(answer: dict[str, Any], sent: int) -> dict[int, tuple[str, str]]:
    errors = answer.get("errors")
    refused: dict[int, tuple[str, str]] = {}
    for error in errors if isinstance(errors, list) else []:
        index = error.get("index") if isinstance(error, dict) else None
        if isinstance(index, int) and 0 <= index < sent:
            column = COLUMNS.get(str(error.get("field")), str(error.get("field") or ""))
            reason = str(error.get("reason") or error.get("code") or "refused by the API")[:300]
            refused.setdefault(index, (column, reason))
    return refused
