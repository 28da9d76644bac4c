"""Where there is nothing, a browser shows a page that leads on, and programs get a problem document."""

import pytest
from flask.testing import FlaskClient

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
NO_RUN = "There is no such run; the last fifty are kept."


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/flow/none", NO_RUN),
        ("/lessons/1/step/1/none", NO_RUN),
        ("/compare?left=none", "There is no such run or case; the last fifty runs are kept."),
        ("/lessons/99", "There is no such lesson; /lessons lists them."),
        ("/lesons", "The requested URL was not found on the server."),
    ],
)
def test_a_browser_shows_a_page_that_leads_on(client: FlaskClient, path: str, detail: str) -> None:
    answer = client.get(path, headers={"Accept": CHROMIUM})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert f"<h1>Not found</h1>\n    <p>{detail}" in answer.text
    assert '<a href="/lessons">' in answer.text


def test_the_page_quotes_nothing_of_the_address(client: FlaskClient) -> None:
    answer = client.get("/flow/<b>none</b>", headers={"Accept": CHROMIUM})
    assert "none</b>" not in answer.text


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/problem+json", "text/html;q=0", ""]
)
def test_a_program_gets_a_problem(client: FlaskClient, accept: str) -> None:
    answer = client.get("/flow/none", headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json["detail"] == NO_RUN  # type: ignore[index]


def test_a_cache_keeps_the_two_apart(client: FlaskClient) -> None:
    for accept in (CHROMIUM, "*/*"):
        answer = client.get("/flow/none", headers={"Accept": accept})
        assert "Accept" in answer.headers["Vary"]
