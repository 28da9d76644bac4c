"""`flow` and `try` start a run in the running service and print it."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import requests
from calling_service import cli
from calling_service.app import create_app
from calling_service.import_job.job import CHUNK
from calling_service.runs.run import Run
from calling_service.service import Service
from calling_service.settings import Settings
from calling_service.web import build_web
from click.testing import CliRunner, Result
from flow_explorer.gallery.case import gallery
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

HEADER = "Date,Project,Notes,Hours,Employee Id,entry_id\n"
GOOD = HEADER + "2026-11-09,P,,1.00,C-1,1\n"
REFUSED = 'request;dur=1, credentials;dur=2;desc="The secret is wrong."'


@pytest.fixture
def service(environ: dict[str, str]) -> Iterator[Service]:
    service = build_web(Settings.from_environ(environ | {"EXPLAIN": "1"}))
    yield service
    service.stop()
    service.close()


@contextmanager
def served(service: Service) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, create_app(service), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    with served(service) as url:
        yield url


def command(*arguments: str, color: bool = False, environ: Mapping[str, str] | None = None) -> Result:
    runner = CliRunner(env={"COLUMNS": "100", **(environ or {})})
    return runner.invoke(cli.main, arguments, color=color)


def flow(*arguments: str) -> Result:
    return command("flow", *arguments)


def test_names_the_next_command_with_the_settings_of_this_stack(url: str) -> None:
    assert "what if?  make try\n" in flow("--url", url).output
    assert "what if?  OVERLAY=dpop make try\n" in flow("--url", url, "--make", "OVERLAY=dpop make").output


def test_flow_prints_what_crossed_the_wire(url: str, service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD + "2026-11-09,P,,25,C-1,2\n")
    result = flow("--url", url)
    assert result.exit_code == 0
    for shown in (
        "━━ 1  The job authenticates at the token endpoint",
        "━━ 2  The authorization server validates them",
        "━━ 3  The authorization server answers with an access token",
        "━━ 4  The job calls the API with the token",
        "    asked    grant_type=client_credentials  audience=http://localhost:9001  scope=batch:upload",
        "    granted  client_id=job",
        "POST /oauth/token HTTP/1.1",
        "scope=batch%3Aupload",
        "Authorization: Basic [base64 of timesheets-import-job:<client secret>, masked]",
        "[signature cut]",
        "    header   alg        RS256",
        "Timesheets API → Timesheets Import Job",
        '{"booked": 1, "unchanged": 0}',
        "a.csv  done          2 rows     1 booked     0 unchanged     1 rejected",
        "- a.csv line 3, Hours: 25 is not more than 0 and at most 24",
        f"  This run, drawn        {url}/flow/",
        f"  This run as JSON       {url}/runs/",
        "  The gallery: what if?  make try",
    ):
        assert shown in result.output
    assert endpoint.secret not in result.output
    assert "\x1b" not in result.output


def test_flow_prints_the_runs_json_on_demand(url: str, service: Service) -> None:
    (service.settings.inbox / "é.csv").write_text(GOOD)
    result = flow("--url", url, "--json")
    assert json.loads(result.output)["files"][0]["name"] == "é.csv"


def test_flow_prints_the_runs_diagram_and_shortens_what_repeats(url: str, service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(
        HEADER + "".join(f"2026-11-09,P,,1,C-1,{number}\n" for number in range(2 * CHUNK))
    )
    again = "again  POST /timesheets/upload HTTP/1.1 → HTTP/1.1 200 OK"
    assert again in flow("--url", url).output
    assert "sequenceDiagram" in flow("--url", url, "--mermaid").output


def test_flow_fails_with_the_run(url: str, service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.answers = [endpoint.error(400, "invalid_scope", "not yours")]
    result = flow("--url", url)
    assert result.exit_code == 1
    assert "The authorization server answers without an access token" in result.output
    assert "! invalid_scope: no token from the authorization server" in result.output


def test_flow_gives_up_on_a_run_that_does_not_end(url: str, service: Service, endpoint: Any) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.hold = threading.Event()
    result = flow("--url", url, "--timeout", "0")
    endpoint.hold.set()
    assert (result.exit_code, "is still running after 0 s" in result.output) == (1, True)


def test_flow_reports_that_no_service_answers() -> None:
    result = flow("--url", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.output.startswith("Error: http://127.0.0.1:1 did not answer as the calling service does: ")


def test_flow_prints_a_har_on_demand(url: str, service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    entries = json.loads(flow("--url", url, "--har").output)["log"]["entries"]
    assert [entry["request"]["method"] for entry in entries] == ["POST", "POST"]


def test_flow_prints_curl_commands_on_demand(url: str, service: Service, environ: dict[str, str]) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    result = command("flow", "--url", url, "--curl", environ=environ)
    assert result.output.splitlines()[:2] == [
        "printf '%s\\n' \"user = timesheets-import-job:$CLIENT_SECRET\" |",
        "  curl -siK - http://localhost:9000/oauth/token \\",
    ]
    assert (
        '"oauth2-bearer = $TOKEN" |\n  curl -siK - http://localhost:9001/timesheets/upload' in result.output
    )


def test_curl_commands_need_the_settings(url: str, service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    result = command("flow", "--url", url, "--curl", environ={"ISSUER": ""})
    assert (result.exit_code, "ISSUER: is not set" in result.output) == (1, True)


def test_try_prints_a_case_and_its_outcome(url: str, endpoint: Any, service: Service) -> None:
    (service.settings.credential_file.parent / "payroll-report").write_text("a secret\n")
    endpoint.answers = [endpoint.error(401, "invalid_client", Server_Timing=REFUSED)]
    result = command("try", "wrong-secret", "--url", url)
    assert result.exit_code == 0
    for shown in (
        "━━ 1  payroll-report asks for an access token with a made-up secret ━",
        "  Calling Service → Authorization Server\n",
        "  ✓ request 1\N{NO-BREAK SPACE}ms\n",
        "  ✗ credentials: The secret is wrong.\n",
        "  ✓ As expected: 401 invalid_client at the check credentials\n",
    ):
        assert shown in result.output


def test_try_fails_when_the_answer_is_not_as_expected(url: str, endpoint: Any) -> None:
    endpoint.answers = [Response('{"access_token": "a"}')]
    result = command("try", "wrong-secret", "--url", url)
    assert (result.exit_code, "✗ Not as expected: 200, instead of 401" in result.output) == (1, True)


def test_try_fails_when_the_booked_entries_could_not_be_deleted(url: str, service: Service, api: Any) -> None:
    for client in ("timesheets-import-job", "timesheets-console"):
        (service.settings.credential_file.parent / client).write_text("a secret\n")
    api.answers = [None, None, Response("no JSON")]
    result = command("try", "same-batch-twice", "--url", url)
    assert "✓ As expected: 200\n  ! unreachable: a service did not answer" in result.output
    assert result.exit_code == 1


@pytest.mark.parametrize("form", ["--json", "--har", "--mermaid"])
def test_the_exit_status_is_the_same_in_every_form(url: str, endpoint: Any, form: str) -> None:
    endpoint.answers = [endpoint.error(401, "invalid_client", Server_Timing=REFUSED), Response("{}", 500)]
    assert [command("try", "wrong-secret", "--url", url, form).exit_code for _ in range(2)] == [0, 1]


@pytest.mark.parametrize("form", ["--json", "--har", "--mermaid", "--timeout=60"])
def test_no_form_lets_a_server_control_the_terminal(url: str, endpoint: Any, form: str) -> None:
    refusal = json.dumps({"error": "\x9b31m\ud800", "error_description": "\x1b[31m"})
    endpoint.answers = [Response(refusal, "401 \x9b31m", {"Server-Timing": 'credentials;desc="\x9b31m"'})]
    printed = command("try", "wrong-secret", "--url", url, form).output
    assert "401" in printed
    assert re.sub("[\n\N{NO-BREAK SPACE}]", "", printed).isprintable()


def test_try_alone_lists_the_cases_and_calls_no_service() -> None:
    result = command("try", "--url", "http://127.0.0.1:1")
    assert result.exit_code == 0
    assert all(f"\n  {case} " in result.output for case in gallery())
    assert command("try", "--markdown").output.startswith("## Who is asking?\n")


@pytest.mark.parametrize(
    ("case", "like"),
    [("wrong-secrt", "did you mean wrong-secret or "), ("alg_none", "did you mean alg-none? "), ("§", "")],
)
def test_an_unknown_case_is_printed_with_similar_ones(case: str, like: str) -> None:
    result = command("try", case)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: there is no case '{case}'; {like}")
    assert result.output.endswith("`make try` lists all cases\n")


@pytest.mark.parametrize(("other", "exit_code"), [("unknown-client", 0), ("no-token", 1)])
def test_try_plays_two_cases_and_shows_what_differs(
    url: str, endpoint: Any, service: Service, other: str, exit_code: int
) -> None:
    (service.settings.credential_file.parent / "payroll-report").write_text("a secret\n")
    refused = endpoint.error(401, "invalid_client", Server_Timing=REFUSED)
    endpoint.answers = [refused, refused]
    result = command("try", "wrong-secret", "--against", other, "--url", url)
    assert result.exit_code == exit_code, "1 if one of them was not answered as expected"
    assert f"right  {gallery()[other].title}. " in result.output
    assert "━━ 1  Calling Service → Authorization Server: differs ━" in result.output


def test_try_compares_two_known_cases_and_no_others(url: str, service: Service) -> None:
    for arguments, message in (
        (["--against", "no-token"], "name two cases: make try CASE=cached-token AGAINST=tampered-payload"),
        (["no-token", "--against", "no-tokn"], "there is no case 'no-tokn'; did you mean no-token"),
    ):
        result = command("try", *arguments, "--url", url)
        assert (result.exit_code, result.output.startswith(f"Error: {message}")) == (1, True)
    assert service.history.recent() == []


def test_a_case_that_needs_another_stack_says_which(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    result = command("try", "bound-token")
    assert result.exit_code == 1
    assert result.output == "Error: this case needs another stack: OVERLAY=dpop make up\n"


@pytest.fixture
def url_without_explorer(service: Service) -> Iterator[str]:
    with served(replace(service, explorer=None)) as url:
        yield url


@pytest.mark.usefixtures("endpoint")
def test_flow_says_what_is_switched_off_and_how_to_switch_it_on(url_without_explorer: str) -> None:
    result = flow("--url", url_without_explorer)
    assert result.exit_code == 0
    assert "The page, the gallery and the checks of the servers are switched off." in result.output
    assert "EXPLAIN=1 make up" in result.output
    assert "/flow/" not in result.output
    addresses = re.findall(rf"{url_without_explorer}/\S+", result.output)
    assert [requests.get(address, timeout=5).status_code for address in addresses] == [200]
    refused = command("try", "wrong-secret", "--url", url_without_explorer)
    assert (refused.exit_code, "EXPLAIN=1 make up" in refused.output) == (1, True)


def test_a_refusal_of_the_service_is_printed(serve: Any) -> None:
    url = serve(lambda _: Response('{"detail": "It does not show the flow."}', 404))
    result = command("try", "wrong-secret", "--url", url)
    assert (result.exit_code, result.output) == (
        1,
        f"Error: {url} refuses: It does not show the flow.\n",
    )


@pytest.mark.parametrize("answer", [Response("no JSON", 502), Response("{}", 500), Response("[]", 404)])
def test_another_service_at_the_address_is_reported(serve: Any, answer: Response) -> None:
    result = command("try", "wrong-secret", "--url", serve(lambda _: answer))
    assert (result.exit_code, " did not answer as the calling service does: " in result.output) == (1, True)


def test_only_terminals_get_colour_unless_no_color_is_set() -> None:
    assert "\x1b[" in command("try", color=True).output
    assert "\x1b[" not in command("try", color=True, environ={"NO_COLOR": "1"}).output
    assert "\x1b[" not in command("try").output


@pytest.mark.parametrize("broken", [{}, {"started_at": "today"}, {"exchanges": ["a"]}, {"case": "a"}])
def test_a_run_that_cannot_be_read_is_reported(serve: Any, broken: dict[str, Any]) -> None:
    run = Run.new("web").as_json() | {"state": "completed", "exchanges_omitted": 0} | broken

    def answer(request: Request) -> Response:
        if request.method == "POST":
            return Response("{}", 202, {"Location": "/runs/a"})
        return Response(json.dumps(run))

    result = command("try", "wrong-secret", "--url", serve(answer))
    assert (result.exit_code, " did not answer as the calling service does: " in result.output) == (1, True)
