"""Which calls of a run used a token from the cache, so that no token request was made for them."""

from recording.exchange import DecodedToken, Exchange
from recording.story import API

from flow_explorer.recorded_run import RecordedRun

LONGEST = 1e10  # seconds; no token lives longer


def cached_tokens(recorded: RecordedRun) -> dict[int, float]:
    """Return the seconds that each token from the cache had left, by the index of the exchange with it.

    The first call of the API used a token from the cache, unless the run itself received that token earlier.
    A later call did if it sends the same token as the call before it, in another step. In a case of the
    gallery the API must also have accepted the token, since cases send tokens that nobody issued.
    """
    seconds_left: dict[int, float] = {}
    received: list[DecodedToken] = []
    previous: Exchange | None = None
    for index, exchange in enumerate(recorded.exchanges):
        token = exchange.request.token
        if token and exchange.receiver == API:
            if previous is None:
                is_cached = token not in received
            else:
                is_cached = token == previous.request.token and exchange.steps != previous.steps
            is_genuine = recorded.run.case is None or (exchange.status or 500) < 400
            if is_cached and is_genuine:
                seconds_left[index] = _seconds_left(token, exchange)
            previous = exchange
        if exchange.response and exchange.response.token:
            received.append(exchange.response.token)
    return seconds_left


def _seconds_left(token: DecodedToken, exchange: Exchange) -> float:
    expiry = token.payload.get("exp")
    if not isinstance(expiry, int | float):
        return 0
    now = int(exchange.started_at.timestamp())
    return max(0, min(expiry - now, LONGEST))  # a server may send infinity or NaN
