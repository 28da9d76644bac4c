"""Which calls of a run used a token from the cache, so that a token request did not happen: from its JSON."""

from datetime import datetime
from typing import Any

from recording.story import API

Document = dict[str, Any]

LONGEST = 1e10  # seconds; no token lives longer


def cached_tokens(run: Document) -> dict[int, float]:
    """Return the seconds left of each token that was taken from the cache, by the index of its exchange.

    It is the token of the first call of the API, unless the run has brought it; and one that a later step
    presents again. A case of the gallery also sends tokens that nobody issued: the API must have accepted it.
    """
    found, brought = dict[int, float](), list[Document | None]()
    before: Document | None = None  # the last call of the API with a token
    for index, exchange in enumerate(run["exchanges"]):
        token = exchange["request"]["token"]
        if token and exchange["to"] == API:
            again = before and before["request"]["token"] == token and before["steps"] != exchange["steps"]
            genuine = not run.get("case") or (exchange["status"] or 500) < 400
            if genuine and (again or (before is None and token not in brought)):
                found[index] = _left(token, exchange)
            before = exchange
        brought.append((exchange["response"] or {}).get("token"))
    return found


def _left(token: Document, exchange: Document) -> float:
    expiry = token["payload"].get("exp")
    if not isinstance(expiry, int | float):
        return 0
    now = int(datetime.fromisoformat(exchange["started_at"]).timestamp())
    return max(0, min(expiry - now, LONGEST))  # a token from outside may say infinity, or no number at all
