"""The page: what it shows, what it refuses, and that recorded text never acts as HTML."""

import base64
import json
import re
import secrets
import threading
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from calling_service.app import create_app
from calling_service.runs.case import Outcome
from calling_service.runs.run import Run
from calling_service.service import Service
from calling_service.settings import Settings
from calling_service.web import build_web
from flask.testing import FlaskClient
from flow_explorer.diagram import draw
from flow_explorer.formats import curl, har, mermaid
from flow_explorer.gallery.case import gallery
from flow_explorer.recorded_run import RecordedRun
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from recording.capture import capture
from recording.exchange import Exchange, Step

GOOD = "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"
FIRST_RENDER = 100_000  # bytes
FORM = "application/x-www-form-urlencoded"


def wait_for_the_end() -> None:
    for thread in threading.enumerate():
        if thread.name == "run":
            thread.join(10)


def started(client: FlaskClient, run: str = "import-fresh") -> str:
    answer = client.post("/flow", data={"run": run})
    assert answer.status_code == 303
    wait_for_the_end()
    return answer.location


def test_before_the_first_run_the_page_explains_how_to_start_one(client: FlaskClient) -> None:
    text = client.get("/").text
    assert "Nothing has crossed the wire yet" in text
    assert '<button class="primary" name="run" value="import-fresh">' in text
    assert "The cache holds no token." in text


def test_the_glossary_explains_each_word_and_links_its_source(client: FlaskClient) -> None:
    text = client.get("/glossary").text
    assert '<div id="client-id"><dt>client id</dt><dd>The name of a client.' in text
    assert "<dt><code>kid</code></dt>" in text
    assert (
        'href="https://www.rfc-editor.org/rfc/rfc6749#section-2.2" rel="noreferrer">RFC 6749 2.2</a>' in text
    )


def test_a_button_starts_an_import_and_redirects_to_its_flow(
    client: FlaskClient, service: Service, endpoint: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    first, second, third = started(client), started(client, "import-cached"), started(client)
    assert [request.form["scope"] for request in endpoint.requests].count("batch:upload") == 2
    assert "No token request" not in client.get(first).text + client.get(third).text
    assert "No token request" in client.get(second).text
    assert client.get("/").text.count("Import with a fresh token</a>") == 2


def test_a_button_plays_a_case_and_its_flow_offers_the_next_one(client: FlaskClient) -> None:
    flow = started(client, "wrong-secret")
    text = client.get(flow).text
    for shown in (
        "A wrong secret",
        "The client id is right, but the secret is wrong.",
        "401 <code>invalid_client</code>",
    ):
        assert shown in text
    assert 'value="unknown-client">Next: An unknown client</button>' in text
    assert 'value="wrong-secret" aria-current="true"' in text
    assert "What became of the entries" not in text
    *_, last = gallery()
    assert "Next: " not in client.get(started(client, last)).text


@pytest.mark.parametrize(
    ("as_expected", "shown", "outcome"),
    [
        (True, "Answered as expected</span>", "as expected"),
        (False, "Answered differently</span>: 200", "not as expected"),
        (None, None, "completed"),
    ],
)
def test_a_case_shows_whether_the_answer_was_as_expected(
    client: FlaskClient, service: Service, *, as_expected: bool | None, shown: str | None, outcome: str
) -> None:
    case = gallery()["wrong-secret"]
    answers = {True: case.expected, False: Outcome(200, None, None), None: None}
    run = Run(
        "0123456789abcdef",
        "web",
        "t",
        datetime.now(UTC),
        state="completed",
        case=case.report(answers[as_expected]),
    )
    service.history.save(run)
    text = client.get("/").text
    assert re.findall("Answered [a-z ]*</span>(?:: 200)?", text) == ([shown] if shown else [])
    assert f">{outcome}</span></li>" in text


def test_the_start_page_shows_the_last_run_with_its_files_and_rejects_and_facts_about_the_token(
    client: FlaskClient, service: Service, endpoint: Any
) -> None:
    (service.settings.inbox / "<b>.csv").write_text(GOOD + "2026-11-09,P,,25,C-1,2\n")
    started(client)
    text = client.get("/").text
    for shown in ("&lt;b&gt;.csv", "25 is not more than 0", "Why 1 row was rejected", "59 minutes"):
        assert shown in text
    assert "They could not be read" in text, "the stand-in has no books"
    assert endpoint.secret not in text


def test_a_run_that_finds_an_imported_export_again_shows_that(client: FlaskClient, service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    started(client)
    service.runner.start("schedule")
    wait_for_the_end()
    assert "known: imported before, and unchanged since; nothing is sent again." in client.get("/").text


def test_a_run_that_leaves_known_files_out_says_how_many(client: FlaskClient, service: Service) -> None:
    for number in range(22):
        (service.settings.inbox / f"{number:02}.csv").write_text(
            f"{GOOD}2026-11-09,P,,1,C-1,{number + 100}\n"
        )
    started(client)
    service.runner.start("schedule")
    wait_for_the_end()
    assert "Not listed: 2 more files that were imported before." in client.get("/").text


def test_the_page_says_what_rounding_added(client: FlaskClient, service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    started(client)
    assert "Rounding to" not in client.get("/").text
    (run,) = service.history.recent()
    run.report.files[0].rounded = 0.0125
    service.history.save(run)
    assert "Rounding to hundredths of an hour added 0.0125 hours in all." in client.get("/").text


def test_a_failed_run_shows_what_happened_and_what_to_do(
    client: FlaskClient, service: Service, endpoint: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.answers = [endpoint.error(400, "invalid_scope", "no <such> scope")]
    text = client.get(started(client)).text
    assert "no &lt;such&gt; scope" in text
    assert "What to do: grant timesheets-import-job the scopes batch:upload" in text


def test_every_step_of_a_run_has_an_address_and_can_be_fetched_alone(
    client: FlaskClient, service: Service
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    flow = started(client)
    for step, shown in (
        ("1-request", "The job authenticates at the token endpoint"),
        ("1-checks", "The authorization server validates them"),
        ("1-response", "The token, decoded"),
        ("2-request", "The job calls the API with the token"),
        ("2-response", "The request succeeded."),
    ):
        whole, alone = client.get(f"{flow}/{step}"), client.get(f"{flow}/{step}?only=flow")
        assert shown in whole.text
        assert shown in alone.text
        assert "<html" not in alone.text
        assert f'data-step="{step}" aria-current="step"' in whole.text


def test_a_run_is_available_as_mermaid_curl_and_har(client: FlaskClient, service: Service) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    flow = started(client)
    stored = service.history.find(flow.removeprefix("/flow/"))
    assert stored
    run = RecordedRun.of(stored)
    diagram, commands, archived = (client.get(f"{flow}/{form}") for form in ("mermaid", "curl", "har"))
    assert (diagram.mimetype, diagram.text) == ("text/plain", "\n".join(mermaid.diagram(run)) + "\n")
    public = {
        service.settings.issuer_url: "http://localhost:9000",
        service.settings.api_url: "http://localhost:9001",
    }
    sent = list(curl.commands(run, public))
    assert (commands.mimetype, commands.text) == ("text/plain", "\n".join(sent) + "\n")
    assert (archived.mimetype, archived.json) == ("application/json", har.archive(run))
    assert archived.headers["Content-Disposition"] == f'attachment; filename="{run.run.id}.har"'
    assert escape(sent[0]) in client.get(f"{flow}/1-request").text


def test_a_running_run_is_drawn_so_far_and_reloaded_without_javascript(
    client: FlaskClient, service: Service, endpoint: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text(GOOD)
    endpoint.hold = threading.Event()
    flow = client.post("/flow", data={"run": "import-fresh"}).location
    assert endpoint.arrived.wait(10)
    text = client.get(f"{flow}?only=flow").text
    assert "data-running" in text
    assert "Nothing has crossed the wire yet" in text
    endpoint.hold.set()
    wait_for_the_end()
    assert '<noscript><meta http-equiv="refresh"' not in client.get(flow).text


OTHER_SITE = (403, "Forbidden", "This request comes from another site's page (Sec-Fetch-Site).")
OTHER_ORIGIN = (403, "Forbidden", "This request comes from another site's page (Origin).")
OTHER_HOST = (403, "Forbidden", "The Host header is not a name of this service (ALLOWED_HOSTS).")
NO_FORM = (415, "Unsupported Media Type", f"Send {FORM}, as the page's buttons do.")
CUT_SHORT = (400, "Bad Request", "The body is shorter than its Content-Length.")
NOTHING = (400, "Bad Request", "The form names nothing that could be started.")
NO_RUN = (404, "Not Found", "There is no such run; the last fifty are kept.")


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "refusal"),
    [
        ("POST", "/flow", {"Sec-Fetch-Site": "cross-site"}, "run=import-fresh", OTHER_SITE),
        ("POST", "/flow", {"Sec-Fetch-Site": "same-site"}, "run=import-fresh", OTHER_SITE),
        ("POST", "/flow", {"Origin": "http://evil.example"}, "run=import-fresh", OTHER_ORIGIN),
        ("POST", "/flow", {"Origin": "null"}, "run=import-fresh", OTHER_ORIGIN),
        ("POST", "/flow", {"Host": "evil.example"}, "run=import-fresh", OTHER_HOST),
        ("POST", "/flow", {"Content-Type": "text/plain"}, "run=import-fresh", NO_FORM),
        ("POST", "/flow", {"Content-Length": "30"}, "run=import-fresh", CUT_SHORT),
        ("POST", "/flow", {"Content-Type": "application/json"}, '{"run": "import-fresh"}', NO_FORM),
        ("POST", "/flow", {}, "", NOTHING),
        ("POST", "/flow", {}, "run=", NOTHING),
        ("POST", "/flow", {}, "run=http://evil.example", NOTHING),
        ("POST", "/flow", {}, "run=import-fresh&run=import-cached", NOTHING),
        ("GET", "/", {"Host": "evil.example"}, "", OTHER_HOST),
        ("GET", "/flow/none", {}, "", NO_RUN),
        ("GET", "/flow/none/1-request", {}, "", NO_RUN),
        ("GET", "/flow/none/mermaid", {}, "", NO_RUN),
        ("GET", "/flow/none/curl", {}, "", NO_RUN),
        ("GET", "/flow/none/har", {}, "", NO_RUN),
    ],
)
def test_refuses(
    client: FlaskClient,
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
    refusal: tuple[int, str, str],
) -> None:
    environ = {
        "wsgi.input_terminated": True,  # as gunicorn says
        "CONTENT_LENGTH": headers.get("Content-Length", str(len(body))),
    }
    headers = {"Content-Type": FORM} | headers
    answer = client.open(path, method=method, headers=headers, data=body, environ_overrides=environ)
    status, title, detail = refusal
    assert (answer.status_code, answer.json) == (
        status,
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
    )
    assert client.get("/runs").json == {"runs": []}


def test_a_step_that_a_run_does_not_have_is_not_found(client: FlaskClient) -> None:
    answer = client.get(f"{started(client)}/1-request")
    assert answer.status_code == 404
    assert answer.json["detail"] == "This run has no such step."  # type: ignore[index]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", "/"), ("GET", "/flow/x"), ("POST", "/flow"), ("GET", "/compare"), ("POST", "/compare")),
        *(("GET", "/lessons"), ("GET", "/lessons/1"), ("POST", "/lessons/1/step/1")),
    ],
)
def test_there_is_no_page_without_explain(environ: dict[str, str], method: str, path: str) -> None:
    service = build_web(Settings.from_environ(environ))
    answer = create_app(service).test_client().open(path, method=method)
    service.close()
    assert (answer.status_code, answer.json) == (
        404,
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "This service does not show the flow. Start it with EXPLAIN=1: EXPLAIN=1 make up.",
        },
    )


def test_the_headers_make_browsers_strict(client: FlaskClient) -> None:
    headers = client.get("/").headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_the_first_render_is_small(client: FlaskClient, service: Service) -> None:
    def size(path: str) -> int:
        with client.get(path) as answer:
            return len(answer.data)

    (service.settings.inbox / "a.csv").write_text(GOOD)
    for _ in range(49):
        run = Run.new("web", resend=True, fresh_token=True)
        run.state = "completed"
        service.history.save(run)
    flow = started(client)
    for path in (
        flow,
        f"{flow}/1-response",
        f"{flow}/2-request",
        "/compare?left=import-fresh&right=import-cached",
    ):
        page = client.get(path).text
        linked = [path for path in re.findall('(?:href|src)="([^"]*)"', page) if path.startswith("/static/")]
        assert len(linked) == 3
        assert sum(map(size, [path, *linked])) < FIRST_RENDER


class Elements(HTMLParser):
    """Collects the elements of a page and the attributes that could run code."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.acts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.names.add(tag)
        self.acts += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.acts += [
            name for name, value in attrs if name in {"href", "src"} and (value or "").startswith("java")
        ]


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x' javascript:x {{ 7*7 }} \x1b\ud800"
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SECRETS = st.text(B64, min_size=24, max_size=43).filter(lambda secret: len(set(secret)) > 8)


def token(header: object, payload: object, signature: str) -> str:
    parts = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload)
    )
    return ".".join([*parts, signature])


def recorded_call(url: str, body: str, answer: str, timing: str, text: str, **headers: str) -> Exchange:
    request = requests.Request("POST", url, headers=headers, data=body).prepare()
    response = requests.Response()
    response.status_code, response.reason, response._content = 401, text, answer.encode()
    response.headers.update(
        {"Content-Type": headers["Content-Type"], "X-Seen": text, "Server-Timing": timing}
    )
    return capture(
        steps=(Step(1, text, ("request",)), Step(2, text, ())),
        sender="Timesheets Import Job",
        receiver="Timesheets API",
        request=request,
        response=response,
        failure=None,
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        elapsed=0.01,
    )


@pytest.mark.fuzz
@given(secret=SECRETS, signature=SECRETS, text=TEXTS | st.just(HOSTILE), form=st.booleans())
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_page_shows_a_secret_or_a_signature_or_lets_recorded_text_act_as_html(
    client: FlaskClient, service: Service, secret: str, signature: str, text: str, *, form: bool
) -> None:
    assume(secret not in text and signature not in text)
    bearer = token({"typ": text, text: 1}, {"exp": 1795521660, "aud": [text], text: {text: 1}}, signature)
    members = {"client_secret": secret, "access_token": bearer, "error": text, text: secret}
    body, kind = (
        (urlencode(members, errors="replace"), FORM) if form else (json.dumps(members), "application/json")
    )
    quoted = re.sub(r'["\\]|[^ -~]', "?", text)
    timing = f'size;dur=1;desc="{quoted}", call.jwks;dur=1;desc="GET http://{quoted} 200"'
    run = Run(secrets.token_hex(8), "web", "trace", datetime.now(UTC), state="completed")
    service.history.save(run)
    for authorization in (f"Bearer {bearer}", f"Basic {base64.b64encode(f'job:{secret}'.encode()).decode()}"):
        call = recorded_call(
            f"http://a/?client_secret={secret}",
            body,
            body,
            timing,
            quoted,
            Authorization=authorization,
            **{"Content-Type": kind},
        )
        service.history.add(run.id, call.as_json())
    stored = service.history.find(run.id)
    assert stored
    for step in [item.id for item in draw(RecordedRun.of(stored)).items]:
        page = client.get(f"/flow/{run.id}/{step}?only=flow").text
        assert secret not in page
        assert signature not in page
        elements = Elements()
        elements.feed(page)
        assert (elements.acts, "img" in elements.names, page.count("<script")) == ([], False, 0)
