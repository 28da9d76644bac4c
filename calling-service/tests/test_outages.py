"""What the job does when the other services are down, slow or broken: over real sockets, run by run."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from calling_service.service import Service, build
from calling_service.settings import Settings

pytestmark = pytest.mark.long
HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
ROWS = 750  # two chunks
HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n%s"


def says(status: bytes, body: bytes = b"", extra: bytes = b"") -> bytes:
    return WHOLE.replace(b"\r\n\r\n", b"\r\n" + extra + b"\r\n", 1) % (status, len(body), body)


CUT = HEAD % b"200 OK" + b'Content-Length: 500\r\n\r\n{"access_token": "eyJ'
DOWN, SLOW = None, b""
OUTAGES: dict[str, tuple[bytes | None, str]] = {  # what the server does, and the error of a run then
    "down": (DOWN, "unreachable"),
    "slow": (SLOW, "unreachable"),
    "500": (says(b"500 Oops", b"{}"), "error"),
    "429": (says(b"429 Slow down", b"{}", b"Retry-After: 0\r\n"), "error"),
    "429 for an hour": (says(b"429 Slow down", b"{}", b"Retry-After: 3600\r\n"), "error"),
    "503": (says(b"503 Not yet", b"{}"), "error"),
    "503 until nonsense": (says(b"503 Not yet", b"{}", b"Retry-After: " + b"9" * 5000 + b"\r\n"), "error"),
    "502": (says(b"502 Bad Gateway", b"<html>"), "error"),
    "504": (says(b"504 Gateway Timeout", b"<html>"), "error"),
    "garbage": (says(b"200 OK", b"<html>\xff"), "error"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n", "unreachable"),
    "cut half-way": (CUT, "unreachable"),
    "closed at once": (b"\0", "unreachable"),
}
NAMED = {  # in a run's error
    ("auth", "unreachable"): "unreachable",
    ("auth", "error"): "bad_response",
    ("api", "unreachable"): "api_unreachable",
    ("api", "error"): "api_error",
}


@contextmanager
def misbehaving(answer: bytes | None) -> Iterator[tuple[str, Callable[[], int]]]:
    """Listen, and answer every request with these bytes; without an answer, do not even listen."""
    calls, over = [0], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def work() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    calls[0] += bool(connection.recv(1 << 16))
                    if answer == SLOW:
                        over.wait(10)
                    elif answer != b"\0":
                        connection.sendall(answer or b"")

        thread = threading.Thread(target=work)
        if answer is DOWN:
            listener.close()
        else:
            thread.start()
        yield f"http://127.0.0.1:{port}", lambda: calls[0]
        over.set()
        if answer is not DOWN:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def run(service: Service) -> dict[str, Any]:
    done = service.runner.run_here(resend=False, fresh_token=False, progress=lambda *_: None)
    assert done
    stored = service.history.find(done.id)
    assert stored
    service.close()
    return stored.as_json()


@pytest.mark.parametrize("retries", [0, 1])
@pytest.mark.parametrize("who", ["auth", "api"])
@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_fails_the_run_with_a_reason_and_the_next_run_completes(
    environ: dict[str, str], api: Any, *, outage: str, who: str, retries: int
) -> None:
    answer, kind = OUTAGES[outage]
    (Path(environ["INBOX"]) / "a.csv").write_text(
        HEADER + "".join(f"2026-11-09,P,,1,C-1,{number}\n" for number in range(ROWS))
    )
    with misbehaving(answer) as (url, calls):
        changed = {"TOKEN_URL": f"{url}/token"} if who == "auth" else {"API_URL": url}
        limits = {"HTTP_RETRIES": str(retries), "HTTP_READ_TIMEOUT": "0.2" if answer == SLOW else "5"}
        failed = run(build(Settings.from_environ(environ | changed | limits)))
    assert (failed["state"], failed["error"]["error"]) == ("failed", NAMED[who, kind])
    assert failed["error"]["hint"].endswith("nothing is booked twice")
    assert [file["state"] for file in failed["files"]] == ["failed"]
    repeated = outage in {"429", "502", "503", "504", "no HTTP", "closed at once"}
    repeated |= outage == "cut half-way" and who == "auth"
    if outage not in {"down", "slow"}:  # the slow one is still at the first when the second comes
        assert calls() == 1 + retries * repeated
    again = run(build(Settings.from_environ(environ)))
    assert (again["state"], again["booked"], len(api.books)) == ("completed", ROWS, ROWS)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_short_outage_is_bridged_by_retries_and_recorded(
    environ: dict[str, str], endpoint: Any, api: Any, status: int
) -> None:
    service = build(Settings.from_environ(environ | {"HTTP_RETRIES": "2"}))
    (service.settings.inbox / "a.csv").write_text(HEADER + "2026-11-09,P,,1,C-1,1\n")
    endpoint.answers = [endpoint.error(status, "temporarily_unavailable", Retry_After="0")]
    api.answers = [api.refusal(status, "")]
    document = run(service)
    assert (document["state"], document["booked"]) == ("completed", 1)
    token_requests = [exchange["status"] for exchange in document["exchanges"][:2]]
    assert token_requests == [status, 200]
    assert [exchange["failed_before"] for exchange in document["exchanges"]] == [[], [], [str(status)]]
    assert (endpoint.calls, len(api.requests)) == (2, 2)
    assert len(api.books) == 1


def test_a_chunk_whose_answer_was_lost_is_sent_again_and_booked_once(
    environ: dict[str, str], api: Any
) -> None:
    service = build(Settings.from_environ(environ | {"HTTP_RETRIES": "1", "HTTP_READ_TIMEOUT": "1"}))
    (service.settings.inbox / "a.csv").write_text(HEADER + "2026-11-09,P,,1,C-1,1\n")
    late = threading.Event()

    def book_and_say_nothing(_: Any) -> None:
        if len(api.requests) == 2:
            late.set()
        late.wait(10)

    api.on_call = book_and_say_nothing
    document = run(service)
    assert (document["state"], document["booked"] + document["unchanged"]) == ("completed", 1)
    assert (len(api.requests), list(api.books)) == (2, ["1"])
