from typing import Any

from calling_service.mermaid import diagram


def exchange(
    steps: list[dict[str, Any]], to: str, start_line: str, response: dict[str, Any] | None
) -> dict[str, Any]:
    request = {"start_line": f"{start_line} HTTP/1.1"}
    return {
        "steps": steps,
        "from": "Job",
        "to": to,
        "request": request,
        "response": response,
        "failure": "Timeout",
    }


def test_draws_an_arrow_per_message_and_a_note_where_a_step_sends_none() -> None:
    token = {"payload": {"aud": "https://api.example", "scope": "a b"}}
    asked = [
        {"number": 1, "label": "asks", "shows": ["request"]},
        {"number": 2, "label": "thinks; hard #1", "shows": []},
        {"number": 3, "label": "answers", "shows": ["response"]},
    ]
    called = [{"number": 4, "label": "calls", "shows": ["request", "response"]}]
    run = {
        "exchanges": [
            exchange(asked, "Server", "POST /token", {"start_line": "HTTP/1.1 200 OK", "token": token}),
            exchange(called, "API", "POST /upload", {"start_line": "HTTP/1.1 200 OK", "token": None}),
            exchange(called, "API", "POST /upload", None),
        ]
    }
    assert list(diagram(run)) == [
        "sequenceDiagram",
        "    participant p1 as Job",
        "    participant p2 as Server",
        "    participant p3 as API",
        "    p1->>p2: 1  POST /token",
        "    Note over p2: 2  thinks#59; hard #35;1",
        "    p2-->>p1: 3  200 OK, a token for https://api.example with a b",
        "    p1->>p3: 4  POST /upload (2 times)",
        "    p3-->>p1: 200 OK",
    ]


def test_says_why_there_is_no_answer() -> None:
    steps = [{"number": 4, "label": "calls", "shows": ["response"]}]
    assert list(diagram({"exchanges": [exchange(steps, "API", "GET /", None)]}))[-1] == (
        "    p2-->>p1: 4  no answer: Timeout"
    )
