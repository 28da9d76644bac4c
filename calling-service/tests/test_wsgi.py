import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from calling_service.logs import GunicornLogger
from gunicorn.config import Config  # type: ignore[import-untyped]

pytestmark = pytest.mark.long
FOLDER = Path(__file__).parents[1]
GOOD = "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"


def test_bad_settings_end_the_start_with_one_message_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environ: dict[str, str]
) -> None:
    for name, value in {**environ, "SCOPE": "", "AUDIENCE": ""}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        runpy.run_module("calling_service.wsgi")
    assert end.value.code == 1
    assert capsys.readouterr() == (
        "",
        (
            "calling-service: cannot start, 2 problem(s):\n"
            "  - AUDIENCE: is not set; set it to the API's identifier, without spaces\n"
            "  - SCOPE: is not set; set it to scopes, separated by spaces (RFC 6749 3.3)\n"
        ),
    )


def test_a_database_that_cannot_be_used_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environ: dict[str, str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    Path(environ["STATE_DIR"]).mkdir()
    (Path(environ["STATE_DIR"]) / "import.db").write_text(
        "this is not a database, and longer than a header is"
    )
    with pytest.raises(SystemExit):
        runpy.run_module("calling_service.wsgi")
    assert capsys.readouterr().err == (
        "calling-service: cannot start, 1 problem(s):\n"
        "  - STATE_DIR: import.db there cannot be used (file is not a database); name another folder\n"
    )


@contextmanager
def gunicorn(environ: dict[str, str], port: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    options = (
        f"--bind 127.0.0.1:{port} --worker-class gthread --workers 1 --threads 16 --preload"
        " --graceful-timeout 8 --no-control-socket"
    )
    process = subprocess.Popen(  # our own program
        [sys.executable, "-m", "gunicorn", "calling_service.wsgi:app"],
        cwd=FOLDER,
        env={**os.environ, **environ, "GUNICORN_CMD_ARGS": options, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ask(url: str, body: bytes | None = None) -> Any:
    headers = {"Content-Type": "application/json"} if body else {}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as response:  # noqa: S310
        return json.load(response)


def test_under_gunicorn_every_line_is_json_without_secret_or_token_at_debug(
    environ: dict[str, str], endpoint: Any, unused_port: int
) -> None:
    (Path(environ["INBOX"]) / "a.csv").write_text(GOOD)
    lines: list[str] = []
    with gunicorn(environ | {"LOG_LEVEL": "DEBUG"}, unused_port) as (url, process):
        assert process.stdout
        for line in process.stdout:
            lines.append(line)
            if "Booting worker" in line:
                break
        run_id = ask(f"{url}/runs", b"{}")["id"]
        for line in process.stdout:
            lines.append(line)
            if "run ended" in line:
                break
        run = ask(f"{url}/runs/{run_id}")
        with pytest.raises(urllib.error.HTTPError):
            ask(f"{url}/runs/none?secret=x")
        process.terminate()
        lines += process.stdout
    assert run["booked"] == 1
    assert process.returncode == 0
    events = [json.loads(line) for line in lines]
    assert {event["service"] for event in events} == {"calling-service"}
    assert {event["logger"] for event in events} >= {"gunicorn.error", "calling_service.request_log"}
    assert [event["trace_id"] for event in events if event["message"] == "run ended"] == [run["trace_id"]]
    text = "".join(lines)
    for never in (endpoint.secret, "eyJ", "secret=x", "Basic ", "Bearer "):
        assert never not in text


@pytest.mark.parametrize("level", ["info", "debug"])
def test_gunicorn_quotes_no_request_at_any_level(capfd: pytest.CaptureFixture[str], level: str) -> None:
    config = Config()
    config.set("loglevel", level)
    logger = GunicornLogger(config)
    logger.debug("Ignored premature client disconnection. %s", "b'Authorization: Bearer c2VjcmV0'")
    logger.info("Booting")
    logger.warning("Invalid request from ip=::1: Invalid HTTP Header: 'AUTHORIZATION : c2VjcmV0'")
    logger.warning("Worker %s", 1)
    try:
        int("x")
    except ValueError as error:
        logger.exception("Error handling request %s", "/runs?x=c2VjcmV0")
        logger.exception(error)  # noqa: TRY401  # gunicorn does so
        logger.warning(error)
    logged = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [event["message"] for event in logged] == [
        "Booting",
        "Invalid request from ip=::1",
        "Worker 1",
        "Error handling request /runs",
        "invalid literal for int() with base 10: 'x'",
        "invalid literal for int() with base 10: 'x'",
    ]
    assert "c2VjcmV0" not in str(logged)


def test_a_body_in_broken_chunks_is_refused_and_not_logged(environ: dict[str, str], unused_port: int) -> None:
    request = (
        "POST /runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\nno chunk, a s3cret\r\n\r\n"
    )
    with gunicorn(environ, unused_port) as (_, process):
        assert process.stdout
        next(line for line in process.stdout if "Booting worker" in line)
        with socket.create_connection(("127.0.0.1", unused_port), timeout=10) as connection:
            connection.sendall(request.encode())
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        process.terminate()
        printed = process.stdout.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "The body is malformed.",
    }
    assert "s3cret" not in printed


def test_sigterm_finishes_the_chunk_in_flight_and_the_next_start_resumes_the_run(
    environ: dict[str, str], api: Any, unused_port: int
) -> None:
    rows = (f"2026-11-09,P,,1.00,C-1,{number}\n" for number in range(750))
    (Path(environ["INBOX"]) / "a.csv").write_text(GOOD.partition("\n")[0] + "\n" + "".join(rows))
    arrived, go_on = threading.Event(), threading.Event()

    def hold(_: Any) -> None:
        arrived.set()
        go_on.wait(10)

    api.on_call = hold
    with gunicorn(environ, unused_port) as (url, process):
        assert process.stdout
        next(line for line in process.stdout if "Booting worker" in line)
        run_id = ask(f"{url}/runs", b"{}")["id"]
        assert arrived.wait(10)
        process.terminate()
        next(line for line in process.stdout if "stopping after the chunk" in line)
        go_on.set()
        ended = [json.loads(line) for line in process.stdout if "run ended" in line]
    assert (process.returncode, len(api.requests), len(api.books)) == (0, 1, 500)
    assert [(event["state"], event["booked"]) for event in ended] == [("stopped", 500)]
    with gunicorn(environ, unused_port) as (url, process):
        assert process.stdout
        next(line for line in process.stdout if "run ended" in line)
        run = ask(f"{url}/runs/{run_id}")
    assert (run["state"], run["booked"], run["unchanged"]) == ("completed", 250, 500)
