"""The questions to a client whose answers are the columns of docs/other-clients.md."""

import base64
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import unquote_plus

from live_stack import eventually

from interop.played import API_PATH, redirect, retry_after
from interop.recorder import Request
from interop.trial import EXPIRED, OK, SECRET, Trial

AT_ONCE = 16
TOKEN_SECONDS, API_SECONDS = 1, 0.1  # long enough for sixteen calls to begin, on a busy machine too
RETRY_AFTER = 3


def credential(trial: Trial) -> str:
    """Return where the credential stands, and whether a secret is form-encoded."""
    trial.cold()
    result = trial.program.call()
    assert trial.token_calls, f"no token call: {result}"
    request = trial.token_calls[0]
    sent = dict(request.parameters)
    scheme, _, value = request.authorization.partition(" ")
    if scheme == "Basic":
        secret = base64.b64decode(value).decode().partition(":")[2]
        return f"header, {_encoding(secret)}"
    if "client_assertion" in sent:
        return _assertion(sent["client_assertion"], trial)
    assert sent["client_secret"] == SECRET, "the body has another secret"
    return "body, as JSON" if "json" in request.headers["Content-Type"] else "body"


def _encoding(secret: str) -> str:
    if secret == SECRET:
        return "raw"
    assert unquote_plus(secret) == SECRET, "the header has another secret"
    return "form-encoded"


def _assertion(assertion: str, trial: Trial) -> str:
    header, payload = (_decoded(part) for part in assertion.split(".")[:2])
    audiences = {trial.played.url["server"]: "the issuer"}
    audiences[trial.played.url["server"] + "/oauth/token"] = "the token endpoint"
    audiences[trial.played.url["server"] + "/"] = "the issuer and a slash"
    audience = payload["aud"] if isinstance(payload["aud"], str) else payload["aud"][0]
    kid = "with `kid`" if "kid" in header else "no `kid`"
    return f"key, {header['alg']}, {kid}, for {audiences[audience]}"


def _decoded(part: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return decoded


def names_api(trial: Trial) -> str:
    """Return the parameters that name the API."""
    trial.cold()
    trial.program.call()
    sent = trial.token_calls[0].parameters
    names = [f"`{name}`" for name, value in sent if value.rstrip("/") == trial.played.url["api"]]
    return ", ".join(names) or "nothing"


def token_calls_of_sixteen(trial: Trial) -> str:
    """Return how many token calls sixteen calls at once make from cold, and when their token has expired."""
    trial.cold()
    cold = _sixteen(trial)
    trial.first_call(*EXPIRED)
    renewal = _sixteen(trial)
    return cold if renewal in {cold, "0"} else f"{cold}; at a renewal {renewal}"


def _sixteen(trial: Trial) -> str:
    trial.played.token_seconds = TOKEN_SECONDS
    trial.played.api_seconds = API_SECONDS
    results = trial.program.calls(AT_ONCE)
    trial.played.token_seconds = trial.played.api_seconds = 0
    if results.count(OK) < AT_ONCE:
        return "some calls fail"
    tokens = len(trial.token_calls)
    said = str(tokens) if tokens in {0, 1, AT_ONCE} else "several"
    if tokens > 1 and in_a_row(trial.token_calls, TOKEN_SECONDS):
        said += ", one after another"
    elif in_a_row(trial.api_calls, API_SECONDS):
        said += ", then the calls one after another"
    return said


def in_a_row(requests: Sequence[Request], seconds: float) -> bool:
    """Return whether each request came after the one before was answered, which took so many seconds."""
    times = [request.at for request in requests]
    return all(later - earlier >= seconds for earlier, later in pairwise(times))


def renews(trial: Trial) -> str:
    """Return how long before its expiry a token is not used any more."""
    if not trial.asks_again(*EXPIRED):
        return "never by the clock"
    if trial.asks_again(expires_in=3600):
        return "keeps no token"
    margins = sorted(_margin(trial) for _ in range(2))
    if margins[1] - margins[0] <= 1:
        return f"{margins[0]} s before" if margins[0] else "at expiry"
    low = margins[0] // 60 * 60
    high = -(-margins[1] // 60) * 60
    return f"{low} to {high} s before, different for each token"


def _margin(trial: Trial) -> int:
    renewed = 0
    used = 4000
    while used - renewed > 1:
        lifetime = (renewed + used) // 2
        if trial.asks_again(lifetime):
            renewed = lifetime
        else:
            used = lifetime
    return renewed


def renews_by_a_timer(trial: Trial) -> str:
    """Return after which part of its life a token is renewed without a call."""
    trial.played.expires_in = 10
    trial.cold()
    trial.program.call()
    eventually(lambda: trial.token_calls[1:] or None, "the token is renewed")
    trial.played.expires_in = 3600
    first, second = trial.token_calls[:2]
    return f"after {round((second.at - first.at) * 2) * 5} % of its life"


def after_401(trial: Trial) -> str:
    """Return what the client does when the API answers that its token is invalid."""
    trial.cold()
    assert trial.program.call() == OK
    trial.played.refuse_the_tokens_so_far()
    trial.mark()
    if trial.program.call() == OK:
        return "renews and repeats" if len(trial.api_calls) > 1 else "keeps no token"
    if trial.token_calls:
        return "renews, does not repeat"
    return "the next call renews" if trial.program.call() == OK else "keeps the token"


def token_429(trial: Trial) -> str:
    """Return what the client does when the token endpoint answers 429 with `Retry-After`."""
    trial.played.next_token = [retry_after(RETRY_AFTER)]
    trial.cold()
    result = trial.program.call()
    trial.played.next_token = []
    said = _repeated(trial.token_calls, "error")
    first, *more = trial.token_calls
    if more and bool(more[0].authorization) != bool(first.authorization):
        said += ", with the secret in the body" if first.authorization else ", with the secret in the header"
    return said if not more or result == OK else f"{said}, then error"


def api_429(trial: Trial) -> str:
    """Return what the client does when the API answers 429 with `Retry-After`."""
    trial.played.next_api = [retry_after(RETRY_AFTER)]
    trial.cold()
    result = trial.program.call()
    return _repeated(trial.api_calls, "passes it on" if result == {"status": 429} else "error")


def _repeated(requests: Sequence[Request], otherwise: str) -> str:
    if len(requests) == 1:
        return otherwise
    waited = requests[1].at - requests[0].at
    if waited >= RETRY_AFTER:
        return "waits as told"
    return "repeats at once" if waited < 0.1 else "repeats sooner than told"


def after_redirect(trial: Trial) -> str:
    """Return whether a redirect of the API to another origin gets the token."""
    trial.played.next_api = [redirect(trial.played.url["elsewhere"] + API_PATH)]
    trial.cold()
    trial.program.call()
    followed = [one for one in trial.seen if one.origin == "elsewhere"]
    if not followed:
        return "not followed"
    return "gets the token" if any(one.authorization for one in followed) else "followed without the token"


COLUMNS = {
    "credential": credential,
    "names_api": names_api,
    "token_calls_of_16": token_calls_of_sixteen,
    "renews": renews,
    "after_401": after_401,
    "token_429": token_429,
    "api_429": api_429,
    "redirect": after_redirect,
}
