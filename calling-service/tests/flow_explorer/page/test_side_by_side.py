"""Two runs side by side: what the page shows, what its form starts, and what it refuses."""

import html
import re
from datetime import UTC, datetime, timedelta

import pytest
from calling_service.runs.run import Run
from calling_service.service import Service
from flask.testing import FlaskClient
from flow_explorer.gallery.case import gallery
from recording.exchange import Exchange

GOOD = gallery()["cached-token"].report()
BAD = gallery()["tampered-payload"].report()
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"


def keep(service: Service, run_id: str, *exchanges: Exchange, **changes: object) -> None:
    """Keep an ended run, each a second younger than the one before."""
    place = len(service.history.recent())
    run = Run(run_id, "web", "t", NOON + timedelta(seconds=place), state="completed")
    for name, value in changes.items():
        setattr(run, name, value)
    service.history.save(run)
    for exchange in exchanges:
        service.history.add(run_id, exchange.as_json())


@pytest.fixture
def two(service: Service, exchange: object) -> None:
    """Keep two runs, a good one and a bad one."""
    assert callable(exchange)
    keep(service, "good", exchange("GET /timesheets", 200), case=GOOD)
    keep(service, "bad", exchange("GET /timesheets", 401, request_body="<b>"), case=BAD)


def text_of(page: str) -> str:
    """Return the text of the page's main part, in one line."""
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", main)).split())


def test_without_a_choice_it_says_what_to_choose(client: FlaskClient) -> None:
    page = client.get("/compare").text
    assert "Choose two runs" in page
    assert page.count("<optgroup") == 2 * (1 + len({case.group for case in gallery().values()}))
    assert "OVERLAY" not in page
    assert 'value="bound-token"' not in page, "this stack cannot play it"


@pytest.mark.usefixtures("two")
def test_a_run_is_named_by_its_id_or_by_what_was_played(client: FlaskClient) -> None:
    by_id = client.get("/compare?left=good&right=bad").text
    assert by_id == client.get("/compare?left=cached-token&right=tampered-payload").text
    assert '<option value="good" selected>12:00:00 A second call' in by_id


@pytest.mark.usefixtures("two")
def test_what_differs_is_marked_in_words_and_the_rest_is_counted(client: FlaskClient) -> None:
    page = client.get("/compare?left=good&right=bad").text
    shown = text_of(page)
    assert "Exchanges that differ: 1 of 1." in shown
    assert "Request = same" not in shown, "signs come from the style sheet, words from the page"
    assert "Request same GET /timesheets GET /timesheets" in shown
    assert "Response differs 200 OK 401 NO" in shown
    assert "<mark>401</mark>" in page or "<mark>401 NO</mark>" in page
    assert "<b>" not in page.partition("<main")[2].replace('<b class="', "")


@pytest.mark.usefixtures("two")
def test_every_line_can_be_shown(client: FlaskClient, service: Service, exchange: object) -> None:
    assert callable(exchange)
    header = (("Server", "x"),)
    for run_id in ("one", "other"):
        keep(service, run_id, exchange(response_headers=header, request_headers=header))
    assert "Server" not in text_of(client.get("/compare?left=one&right=other").text)
    assert (
        text_of(client.get("/compare?left=one&right=other&lines=all").text).count("Server header same x x")
        == 2
    )


@pytest.mark.usefixtures("two")
def test_a_run_beside_itself_has_no_difference(client: FlaskClient) -> None:
    page = client.get("/compare?left=good&right=good").text
    assert "Both sides are the same run." in page
    assert 'class="differs' not in page


@pytest.mark.usefixtures("two")
def test_with_one_side_chosen_it_asks_for_the_other(client: FlaskClient) -> None:
    page = client.get("/compare?left=good").text
    assert "Choose two runs" in page
    assert '<option value="good" selected>' in page
    page = client.get("/compare?left=good&right=wrong-secret").text
    assert "Press <em>Compare</em> to play what has not been played." in page
    assert '<option value="wrong-secret" selected>' in page


def test_a_run_that_is_going_on_is_waited_for(client: FlaskClient, service: Service) -> None:
    keep(service, "one", state="running")
    keep(service, "other")
    page = client.get("/compare?left=one&right=other").text
    assert '<meta http-equiv="refresh" content="1">' in page
    assert "Playing" in page


def test_much_that_differs_is_bounded(client: FlaskClient, service: Service, exchange: object) -> None:
    assert callable(exchange)
    for side in "ab":
        headers = tuple((f"X-{number}", side * 1000) for number in range(100))
        many = [exchange(f"GET /{number}x", request_headers=headers) for number in range(20)]
        keep(service, side, *many)
    answer = client.get("/compare?left=a&right=b")
    assert answer.text.count("40 more lines.") == 12
    assert answer.text.count("100 more lines.") == 8
    assert len(answer.data) < 1_000_000


@pytest.mark.usefixtures("two")
def test_the_form_keeps_runs_and_plays_cases(client: FlaskClient, service: Service) -> None:
    answer = client.post("/compare", data={"left": "good", "right": "wrong-secret"})
    assert answer.status_code == 303
    newest = service.history.recent()[0]
    assert newest.case
    assert newest.case.id == "wrong-secret"
    assert answer.location == f"/compare?left=good&right={newest.id}"
    assert client.post("/compare", data={"left": "good", "right": "bad"}).location == (
        "/compare?left=good&right=bad"
    )


def test_of_two_imports_the_second_is_played_after_the_first(client: FlaskClient, service: Service) -> None:
    answer = client.post("/compare", data={"left": "import-fresh", "right": "import-cached"})
    (first,) = service.history.recent()
    assert answer.location == f"/compare?left={first.id}&right=import-cached"


NOTHING = (400, "The form names nothing that could be compared.")


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "refusal"),
    [
        (
            "GET",
            "/compare?left=nothing",
            {},
            "",
            (404, "There is no such run or case; the last fifty runs are kept."),
        ),
        ("POST", "/compare", {}, "left=good", NOTHING),
        ("POST", "/compare", {}, "left=good&right=nothing", NOTHING),
        ("POST", "/compare", {}, "left=wrong-secret&right=nothing", NOTHING),
        ("POST", "/compare", {}, "left=good&right=bound-token", NOTHING),
        ("POST", "/compare", {}, "left=good&left=bad&right=good", NOTHING),
        ("POST", "/compare", {}, "left=good&left=bad", NOTHING),
        (
            "POST",
            "/compare",
            {"Content-Type": "text/plain"},
            "left=good&right=bad",
            (415, f"Send {FORM}, as the page's buttons do."),
        ),
        (
            "POST",
            "/compare",
            {"Sec-Fetch-Site": "cross-site"},
            "left=good&right=bad",
            (403, "This request comes from another site's page (Sec-Fetch-Site)."),
        ),
    ],
)
@pytest.mark.usefixtures("two")
def test_refuses(
    client: FlaskClient,
    service: Service,
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
    refusal: tuple[int, str],
) -> None:
    answer = client.open(path, method=method, headers={"Content-Type": FORM} | headers, data=body)
    assert answer.json
    assert (answer.status_code, answer.json["detail"]) == refusal
    assert answer.content_type == "application/problem+json"
    assert len(service.history.recent()) == 2, "nothing was played"
