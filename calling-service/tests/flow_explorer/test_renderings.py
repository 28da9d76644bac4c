"""No form in which a run is shown has a secret or a usable signature, wherever it crossed the wire."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import jwt
import pytest
import requests
from calling_service.runs.case import CaseReport, Outcome
from calling_service.runs.run import Run
from click import unstyle
from cryptography.hazmat.primitives.asymmetric import rsa
from flow_explorer.formats import curl, har, mermaid
from flow_explorer.gallery.forgery import FORGERIES
from flow_explorer.recorded_run import RecordedRun
from flow_explorer.terminal import flow as terminal
from flow_explorer.terminal.side_by_side import side_by_side
from hypothesis import given
from hypothesis import strategies as st
from recording.capture import capture
from recording.exchange import Exchange, Step

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PUBLIC = {"http://auth-server:9000": "http://localhost:9000"}
URL = "http://auth-server:9000/oauth/token"
B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# As `make up` makes them, and any other printable text of that length.
MADE = st.text(B64, min_size=43, max_size=43)
SECRETS = (MADE | st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=20)).filter(
    lambda secret: len(set(secret)) > 8
)
SIGNATURES = st.text(B64, min_size=40, max_size=90).filter(lambda signature: len(set(signature)) > 8)
KEY = rsa.generate_private_key(65537, 2048)
JWK = jwt.get_algorithm_by_name("RS256").to_jwk(KEY.public_key(), as_dict=True)
KEYS = {"keys": [{**JWK, "kid": "1", "alg": "RS256", "use": "sig"}]}

Render = Callable[[RecordedRun], Iterable[str]]
RENDERINGS: dict[str, Render] = {
    "JSON": lambda run: [json.dumps([each.as_json() for each in run.exchanges], ensure_ascii=False)],
    "HAR": lambda run: [json.dumps(har.archive(run), ensure_ascii=False)],
    "Mermaid": mermaid.diagram,
    "terminal": lambda run: map(unstyle, terminal.flow(run, "http://localhost:9002", NOW, 100)),
    "side by side": lambda run: map(
        unstyle, side_by_side(run, replace(run, exchanges=run.exchanges[:1]), 100)
    ),
    "curl": lambda run: curl.commands(run, PUBLIC),
}


def run_of(*sent: dict[str, Any], echo: str) -> RecordedRun:
    """Return a run of these requests, each answered by a server that repeats what it was sent everywhere."""
    case = CaseReport("a", "A", "C.", "B.", "RFC 6749 5.2", Outcome(401, None, None))
    run = Run("r", "web", "t", NOW, state="failed", case=case)
    return RecordedRun(run, tuple(_captured(request, echo) for request in sent))


def _captured(sent: dict[str, Any], echo: str) -> Exchange:
    response = requests.Response()
    response.status_code, response.reason = 401, "UNAUTHORIZED"
    response._content = json.dumps({"error": "invalid_client", "error_description": f"not {echo}"}).encode()
    reason = json.dumps(f"It is not {echo}.")
    call = json.dumps(f"GET http://a/{quote_plus(echo)} 200")
    response.headers.update({"X-Seen": echo, "Server-Timing": f"a;desc={reason}, call.b;desc={call}"})
    return capture(
        steps=(Step(1, "asks", ("request", "response")),),
        sender="A",
        receiver="B",
        request=requests.Request("POST", sent.pop("url", URL), **sent).prepare(),
        response=response,
        failure=None,
        started_at=NOW,
        elapsed=0.01,
    )


def showing(run: RecordedRun, *hidden: str) -> list[tuple[str, str]]:
    """Return which renderings show a text that must be hidden, also where the terminal breaks its line."""
    shown = {name: re.sub(r"[\s│]", "", "".join(render(run))) for name, render in RENDERINGS.items()}
    return [(name, text) for name in shown for text in hidden if text in shown[name]]


def forms(secret: str) -> set[str]:
    raw = secret.encode()
    plain = {
        secret,
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    return plain | {base64.b64encode(raw).decode().rstrip("="), base64.b64encode(b"job:" + raw).decode()}


@given(secret=SECRETS)
def test_no_secret_is_shown(secret: str) -> None:
    pair = {"client_id": "job", "client_secret": secret}
    run = run_of(
        {"auth": requests.auth.HTTPBasicAuth("job", quote_plus(secret))},
        {"data": pair},
        {"json": pair},
        {"params": pair},
        {"data": pair, "auth": requests.auth.HTTPBasicAuth("job", quote_plus(secret))},
        echo=secret,
    )
    assert showing(run, *forms(secret)) == []


@given(signature=SIGNATURES)
def test_no_signature_is_shown(signature: str) -> None:
    token = jwt.encode({"sub": "job"}, "", "none").removesuffix(".") + f".{signature}"
    run = run_of(
        {"headers": {"Authorization": f"Bearer {token}"}},
        {"params": {"access_token": token}},
        {"data": {"token": token}},
        {"data": {"client_assertion": token}},
        {"json": {"access_token": token}},
        echo=token,
    )
    assert showing(run, signature) == []


@pytest.mark.parametrize("how", sorted(FORGERIES.keys() - {"with a token that says alg none"}))
def test_no_signature_of_a_forged_token_is_shown(how: str) -> None:
    good = jwt.encode({"iss": "a", "scope": "b"}, KEY, "RS256", {"typ": "at+jwt", "kid": "1"})
    forged = FORGERIES[how](good, KEYS)
    run = run_of({"headers": {"Authorization": f"Bearer {forged}"}}, echo=forged)
    assert showing(run, forged.rpartition(".")[2]) == []
