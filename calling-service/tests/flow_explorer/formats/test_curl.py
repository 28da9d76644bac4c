"""A curl command sends a recorded request again when it is pasted into a shell with the credentials."""

import shlex
import socket
import subprocess
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import requests
from calling_service.runs.case import CaseReport, Outcome
from calling_service.runs.run import Run
from flow_explorer.formats.curl import commands
from flow_explorer.recorded_run import RecordedRun
from hypothesis import given
from hypothesis import strategies as st
from recording.capture import capture
from recording.exchange import Exchange
from requests.auth import HTTPBasicAuth

PUBLIC = {"http://auth-server:9000": "http://localhost:9000", "http://api:9001/v1": "https://api.example"}
RUN = Run("r", "web", "t", datetime(2026, 11, 24, tzinfo=UTC))
CASE = CaseReport("a", "", "", "", "", Outcome(401, None, None))
SECRET = "s3cret-of-the-client"
TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
UNSIGNED = TOKEN.rpartition(".")[0] + "."
SERVER, API = "http://auth-server:9000/oauth/token", "http://api:9001/v1/timesheets"


def pasted(text: str) -> tuple[list[str], list[str]]:
    """Return what curl gets when the text is pasted into a shell: arguments, and lines on standard input."""
    script = (
        f"CLIENT_SECRET={SECRET} TOKEN={TOKEN} CLIENT_ASSERTION={TOKEN}\n"
        "curl() { printf '%s\\0' \"$@\"; cat; }\n" + text
    )
    done = subprocess.run(  # noqa: S603
        ["bash", "-c", script],  # noqa: S607
        capture_output=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    *arguments, configuration = done.stdout.decode().split("\0")
    return arguments, configuration.splitlines()


def captured(method: str, url: str, **sent: Any) -> Exchange:
    return capture(
        steps=(),
        sender="A",
        receiver="B",
        request=requests.Request(method, url, **sent).prepare(),
        response=None,
        failure="Timeout",
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        elapsed=0.01,
    )


@pytest.mark.parametrize(
    ("method", "url", "sent", "arguments", "configuration"),
    [
        (
            "POST",
            SERVER,
            {"auth": HTTPBasicAuth("a+job", SECRET), "data": {"grant_type": "x", "audience": "http://a"}},
            [
                *("http://localhost:9000/oauth/token", "--data", "grant_type=x"),
                *("--data-urlencode", "audience=http://a"),
            ],
            [f"user = a+job:{SECRET}"],
        ),
        (
            "POST",
            SERVER,
            {"params": {"client_id": "a", "client_secret": SECRET}, "data": {"scope": "a b"}},
            ["--data-urlencode", "scope=a b"],
            [f"url = http://localhost:9000/oauth/token?client_id=a&client_secret={SECRET}"],
        ),
        (
            "POST",
            SERVER,
            {"data": {"client_secret": SECRET, "client_assertion": TOKEN, "token": TOKEN}},
            ["http://localhost:9000/oauth/token"],
            [
                f"data = client_secret={SECRET}",
                f"data = client_assertion={TOKEN}",
                f"data = token={TOKEN}",
            ],
        ),
        (
            "GET",
            API,
            {"headers": {"Authorization": f"Bearer {TOKEN}"}, "params": {"limit": "1"}},
            ["https://api.example/timesheets?limit=1"],
            [f"oauth2-bearer = {TOKEN}"],
        ),
        (
            "GET",
            API,
            {"headers": {"Authorization": f"Bearer {UNSIGNED}"}},
            ["https://api.example/timesheets", "--oauth2-bearer", UNSIGNED],
            [],
        ),
        (
            "GET",
            API,
            {"params": {"limit": "1!", "access_token": TOKEN}},
            [],
            [f"url = https://api.example/timesheets?limit=1%21&access_token={TOKEN}"],
        ),
        ("DELETE", f"{API}/7", {}, ["https://api.example/timesheets/7", "--request", "DELETE"], []),
        ("POST", API, {}, ["https://api.example/timesheets", "--request", "POST"], []),
        (
            "PUT",
            API,
            {"json": {"text": 'it\'s $HOME `id` "!" \\ é'}},
            [
                *("https://api.example/timesheets", "--request", "PUT"),
                *("--header", "Content-Type: application/json"),
                *("--data", '{"text": "it\'s $HOME `id` \\"!\\" \\\\ \\u00e9"}'),
            ],
            [],
        ),
        (
            "POST",
            API,
            {"json": {"entries": ["x" * 5000]}},
            [
                "https://api.example/timesheets",
                "--header",
                "Content-Type: application/json",
                "--data",
                "@body.json",
            ],
            [],
        ),
        ("GET", "http://auth-server.example/", {}, ["http://auth-server.example/"], []),
    ],
)
def test_a_pasted_command_sends_the_request(
    recorded: Any,
    method: str,
    url: str,
    sent: dict[str, Any],
    *,
    arguments: list[str],
    configuration: list[str],
) -> None:
    (text,) = commands(recorded(captured(method, url, **sent)), PUBLIC)
    options = ["-siK", "-"] if configuration else ["-si"]
    assert pasted(text) == ([*options, *arguments], configuration)
    assert SECRET not in text
    assert TOKEN not in text


@given(
    st.dictionaries(st.text("abc$`\"'\\ !&;|<>(){}*?~#%=\n\té", min_size=1), st.text(min_size=1), max_size=3)
)
def test_the_shell_interprets_no_character_of_what_was_sent(form: dict[str, str]) -> None:
    (text,) = commands(RecordedRun(RUN, (captured("POST", SERVER, data=form),)), PUBLIC)
    words = [word for word in shlex.split(text) if word != "\n"]  # shlex keeps what continues a line
    sent = [word for before, word in pairwise(words) if before.startswith("--data")]
    assert {unquote_plus(name): value for name, _, value in (word.partition("=") for word in sent)} == form


def bearing(token: str) -> Exchange:
    return captured("GET", API, headers={"Authorization": f"Bearer {token}"})


def test_a_case_presents_an_issued_token_its_assertion_or_a_forgery(exchange: Any, recorded: Any) -> None:
    issued, assertion, forged = (TOKEN.replace("JhIn0", f"J{sub}In0") for sub in "ijk")
    asked = captured("POST", SERVER, data={"client_assertion": assertion})
    asked = replace(asked, response=exchange(response_token=bearing(issued).request.token).response)
    case = recorded(asked, bearing(issued), bearing(assertion), bearing(forged), case=CASE)
    texts = [text.splitlines() for text in commands(case, PUBLIC)]
    assert [lines[-2] for lines in texts[1:]] == [
        "printf '%s\\n' \"oauth2-bearer = $TOKEN\" |",
        "printf '%s\\n' \"oauth2-bearer = $CLIENT_ASSERTION\" |",
        "printf '%s\\n' \"oauth2-bearer = $FORGED_TOKEN\" |",
    ]
    assert texts[3][0] == "# FORGED_TOKEN: the token that this case forges; its signature is not kept"


def test_a_body_that_is_not_kept_is_named(recorded: Any) -> None:
    (text,) = commands(recorded(captured("POST", API, json={"entries": ["x" * 5000]})), PUBLIC)
    assert text.startswith("# body.json: the body of 5,017 bytes, which is not kept\ncurl ")


def command_lines() -> str:
    lines = b""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # the process has ended
            lines += file.read_bytes().replace(b"\0", b" ")
    return lines.decode(errors="replace")


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="reads /proc")
def test_the_list_of_processes_shows_no_credential_while_a_pasted_command_runs(recorded: Any) -> None:
    credentials = {"client_secret": SECRET, "client_assertion": TOKEN, "token": TOKEN, "scope": "a"}
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        sent = captured("POST", SERVER, auth=HTTPBasicAuth("job", SECRET), data=credentials)
        bearing = captured("GET", API, headers={"Authorization": f"Bearer {TOKEN}"})
        texts = commands(recorded(sent, bearing), dict.fromkeys(PUBLIC, address))
        for text, received in zip(texts, (f"client_secret={SECRET}", f"Bearer {TOKEN}"), strict=True):
            script = f"read -r CLIENT_SECRET; read -r TOKEN; CLIENT_ASSERTION=$TOKEN\n{text}"
            with subprocess.Popen(  # noqa: S603
                ["bash", "-c", script],  # noqa: S607
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            ) as shell:
                assert shell.stdin
                shell.stdin.write(f"{SECRET}\n{TOKEN}\n".encode())
                shell.stdin.close()
                connection, _ = server.accept()
                with connection:
                    request = connection.recv(65536).decode()
                    shown = command_lines()
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            assert shell.returncode == 0
            assert received in request
            assert address in shown
            assert SECRET not in shown
            assert TOKEN not in shown


def test_a_request_with_a_proof_needs_a_new_one() -> None:
    headers = {"Authorization": f"DPoP {TOKEN}", "DPoP": TOKEN}
    [command] = commands(RecordedRun(RUN, (captured("GET", API, headers=headers),), 0), PUBLIC)
    assert command.startswith("# DPOP_PROOF: a new proof for this request")
    arguments, configuration = pasted(f"DPOP_PROOF={TOKEN}\n{command}")
    assert arguments == ["-siK", "-", "https://api.example/timesheets"]
    assert configuration == [f'header = "Authorization: DPoP {TOKEN}"', f'header = "DPoP: {TOKEN}"']
