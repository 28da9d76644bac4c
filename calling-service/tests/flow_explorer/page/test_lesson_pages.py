"""The lessons on the page: what they show, what their buttons run, and what they refuse."""

import re
import threading
from typing import Any

import pytest
from calling_service.app import create_app
from calling_service.service import Service
from calling_service.settings import Settings
from calling_service.web import build_web
from flask.testing import FlaskClient
from flow_explorer.lessons.lesson import lessons
from flow_explorer.lessons.slides import slides

FIRST_RENDER = 100_000  # bytes


def run(client: FlaskClient, service: Service, step: str) -> str:
    """Press a button, and return the address to which it leads when the run has ended."""
    answer = client.post(step, data={"x": ""})
    assert answer.status_code == 303
    while service.history.recent()[0].state == "running":
        threading.Event().wait(0.01)
    return str(answer.location)


def test_the_list_names_every_lesson(client: FlaskClient) -> None:
    text = client.get("/lessons").text
    assert re.findall(r'<a href="/lessons/(\d+)">', text) == [*map(str, lessons())]


@pytest.mark.parametrize("number", lessons())
def test_a_lesson_shows_everything_in_it(client: FlaskClient, number: int) -> None:
    lesson = lessons()[number]
    text = client.get(f"/lessons/{number}").text
    assert f"<h1>Lesson {number}: " in text
    assert text.count("<summary>What you see</summary>") == len(lesson.steps)
    for place in lesson.code:
        assert f"<code>{place.function}</code>" in text
    assert "Run a step: the messages" in text
    assert "None" not in text


def test_a_button_runs_the_step_and_the_lesson_shows_its_flow(client: FlaskClient, service: Service) -> None:
    location = run(client, service, "/lessons/1/step/4")
    run_id = service.history.recent()[0].id
    assert location == f"/lessons/1/step/4/{run_id}#step-4"
    text = client.get(location).text
    assert '<section class="card step" id="step-4" aria-labelledby="title-4" aria-current="step">' in text
    assert text.count(">Run it again<") == 1
    assert f'data-run="{run_id}"' in text
    assert "What it teaches" not in text, "the lesson says it"
    assert "Next: An unknown client" not in text
    assert f'href="/lessons/1/step/4/{run_id}/1-request#pane"' in text
    assert 'id="step"' in client.get(f"/lessons/1/step/4/{run_id}/1-request").text
    alone = client.get(f"/lessons/1/step/4/{run_id}/1-request?only=flow").text
    assert alone.startswith("<section")
    assert f'href="/lessons/1/step/4/{run_id}/1-request#pane"' in alone


def test_a_step_opens_what_it_is_about_as_soon_as_that_is_there(
    client: FlaskClient, service: Service
) -> None:
    here = run(client, service, "/lessons/1/step/5").partition("#")[0]
    text = client.get(here).text
    assert lessons()[1].steps[4].opens == "1-response"
    assert 'data-step="1-response" aria-current="step"' in text
    other = here.replace("/step/5/", "/step/2/")
    assert lessons()[1].steps[1].opens == "2-request"
    assert "aria-current" in client.get(other).text, "this run has no second request"


def test_a_running_step_is_loaded_again_without_javascript(
    client: FlaskClient, service: Service, endpoint: Any
) -> None:
    (service.settings.inbox / "a.csv").write_text("Date,Project,Notes,Hours,Employee Id,entry_id\n")
    endpoint.hold = threading.Event()
    here = client.post("/lessons/1/step/1", data={"x": ""}).location.partition("#")[0]
    text = client.get(f"{here}?again=2").text
    endpoint.hold.set()
    assert f'content="1; url={here}?again=3#step-1"' in text


def test_slides_lead_from_one_to_the_next_and_keep_the_run_of_their_step(
    client: FlaskClient, service: Service
) -> None:
    assert client.get("/lessons/1?projector").location == "/lessons/1/slide/1"
    visited = []
    address = "/lessons/1/slide/1"
    while address.startswith("/lessons/1/slide/"):
        visited.append(address)
        text = client.get(address).text
        (address,) = re.findall(r'<a href="([^"]*)" rel="next">', text)
    assert len(visited) == len(slides(lessons()[1]))
    assert address == "/lessons/2/slide/1"
    here = run(client, service, "/lessons/1/slide/8")
    run_id = here.rpartition("/")[2]
    text = client.get(here).text
    assert re.findall(r'<a href="([^"]*)" rel="(prev|next)">', text) == [
        ("/lessons/1/slide/7", "prev"),
        (f"/lessons/1/slide/9/{run_id}", "next"),
    ]
    assert 'class="lessons projector"' in text
    assert 'class="lessons projector opened"' in client.get(f"{here}/1-request").text


def test_the_last_lesson_leads_back_to_the_list(client: FlaskClient) -> None:
    last = max(lessons())
    assert "Next: " not in client.get(f"/lessons/{last}").text
    end = client.get(f"/lessons/{last}/slide/{len(slides(lessons()[last]))}").text
    assert '<a href="/lessons" rel="next">All lessons</a>' in end


def test_commands_have_the_addresses_of_this_stack(environ: dict[str, str]) -> None:
    addresses = {"ISSUER": "http://localhost:19000", "AUDIENCE": "http://localhost:19001"}
    service = build_web(Settings.from_environ(environ | addresses | {"EXPLAIN": "1"}))
    text = create_app(service).test_client().get("/lessons/1").text
    service.stop()
    service.close()
    assert "http://localhost:19000/oauth/authorize" in text


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/lessons/99", 404, "There is no such lesson; /lessons lists them."),
        ("GET", "/lessons/99?projector", 404, "There is no such lesson; /lessons lists them."),
        ("GET", "/lessons/1/step/0", 404, "The lesson has no such step."),
        ("GET", "/lessons/1/step/9", 404, "The lesson has no such step."),
        ("GET", "/lessons/1/slide/99", 404, "The lesson has no such step."),
        ("GET", "/lessons/1/step/1/none", 404, "There is no such run; the last fifty are kept."),
        ("POST", "/lessons/1/step/9", 404, "The lesson has no such step."),
        ("POST", "/lessons/1/step/3", 400, "This stack cannot run this step."),
        ("POST", "/lessons/1/slide/1", 400, "This stack cannot run this step."),
    ],
)
def test_refuses(client: FlaskClient, method: str, path: str, status: int, detail: str) -> None:
    answer = client.open(path, method=method, data={"x": ""} if method == "POST" else None)
    assert answer.status_code == status
    assert answer.json
    assert answer.json["detail"] == detail
    assert client.get("/runs").json == {"runs": []}


def test_refuses_the_form_of_another_sites_page(client: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/lessons/1/step/1", data={"x": ""}, headers=headers).status_code == 403
    assert client.post("/lessons/1/step/1", json={}).status_code == 415


@pytest.mark.parametrize("number", lessons())
def test_the_first_render_is_small(client: FlaskClient, number: int) -> None:
    def size(path: str) -> int:
        with client.get(path) as answer:
            return len(answer.data)

    for path in (f"/lessons/{number}", f"/lessons/{number}/slide/1"):
        page = client.get(path).text
        linked = {link for link in re.findall('(?:href|src)="([^"]*)"', page) if link.startswith("/static/")}
        assert len(linked) >= 4
        assert sum(map(size, [path, *linked])) < FIRST_RENDER
