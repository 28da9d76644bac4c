from typing import Any

from flow_explorer.formats.mermaid import diagram
from recording.exchange import DecodedToken, Step
from recording.server_timing import Check, ServerCall

HEAD = [
    "sequenceDiagram",
    "    participant p1 as Timesheets Import Job",
    "    participant p2 as Authorization Server",
    "    participant p3 as Timesheets API",
]


def test_draws_an_arrow_per_message_and_a_note_where_a_step_sends_none(exchange: Any, recorded: Any) -> None:
    token = DecodedToken({}, {"aud": "https://api.example", "scope": "a b"})
    steps = (
        Step(1, "asks", ("request",)),
        Step(2, "thinks; hard #1\x1b", ()),
        Step(3, "answers", ("response",)),
    )
    run = recorded(
        exchange("POST /token", receiver="Authorization Server", steps=steps, response_token=token),
        exchange(request_token=token),
        exchange(request_token=token),
        exchange(status=None),
    )
    assert list(diagram(run)) == [
        *HEAD,
        "    p1->>p2: 1  POST /token",
        "    Note over p2: 2  thinks#59; hard #35;1#27;",
        "    p2->>p1: 3  200 OK, a token for https://api.example with a b",
        "    p1->>p3: 4  POST /upload (2 times)",
        "    p3->>p1: 200 OK",
        "    p1->>p3: 4  POST /upload",
        "    p3-xp1: no answer: Timeout",
    ]


def test_draws_a_cached_token_as_a_note_and_a_servers_own_call_dashed(exchange: Any, recorded: Any) -> None:
    token = DecodedToken({}, {"exp": 1795521660})
    call = ServerCall("jwks", "GET http://as/jwks.json", "200", 0.003, 0)
    check = Check("kid-known", 0.004, "The token names no key of the issuer.")
    run = recorded(exchange(status=401, request_token=token, calls=(call,), checks=(check,)))
    assert list(diagram(run)) == [
        *HEAD,
        "    Note over p1,p2: No token request: the cached token has 1 minute left",
        "    p1->>p3: 4  POST /upload",
        "    p3-->>p2: GET /jwks.json → 200",
        "    Note over p3: Refused at the check “kid known”",
        "    p3->>p1: 401 NO",
    ]
