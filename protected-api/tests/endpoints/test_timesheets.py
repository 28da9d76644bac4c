"""Uploads are all or nothing and idempotent, reads go page by page."""

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite", "postgresql"], indirect=True)
Bearer = Callable[..., dict[str, str]]


def entry(external_id: str = "e1", **changes: Any) -> dict[str, Any]:
    good = {
        "external_id": external_id,
        "user_id": "u1",
        "date": "2026-11-02",
        "project": "Ångström",
        "hours": "7.25",
    }
    return good | changes


BOOKED = {"client_id": "import-job", "department": None, "approved_by": None, "approved_at": None}


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    return shared_issuer


@pytest.fixture
def app(emptied_app: Flask) -> Flask:
    return emptied_app


@pytest.fixture
def upload(client: FlaskClient, bearer: Bearer) -> Callable[..., TestResponse]:
    return lambda body, **claims: client.post("/timesheets/upload", json=body, headers=bearer(**claims))


@pytest.fixture
def read(client: FlaskClient, bearer: Bearer) -> Callable[..., Any]:
    def get(query: str = "") -> Any:
        response = client.get(f"/timesheets{query}", headers=bearer())
        assert response.status_code == 200
        return response.json

    return get


Upload = Callable[..., TestResponse]
Read = Callable[..., Any]


def test_books_one_entry_and_reads_it_back(upload: Upload, read: Read) -> None:
    response = upload(entry())
    assert (response.status_code, response.json) == (200, {"booked": 1, "unchanged": 0})
    assert read() == {"timesheets": [{"id": 1, **entry(), **BOOKED}], "next_cursor": None}


def test_books_a_batch_once(upload: Upload, read: Read) -> None:
    batch = {"entries": [entry(f"e{number}") for number in range(500)]}
    assert upload(batch).json == {"booked": 500, "unchanged": 0}
    assert upload(batch).json == {"booked": 0, "unchanged": 500}
    more = {"entries": [*batch["entries"][1:], entry("new")]}
    assert upload(more).json == {"booked": 1, "unchanged": 499}
    assert len(read("?limit=500")["timesheets"]) == 500


def test_keeps_the_external_ids_of_clients_apart(upload: Upload, read: Read) -> None:
    upload(entry())
    assert upload(entry(hours="1"), client_id="other").json == {"booked": 1, "unchanged": 0}
    assert [row["client_id"] for row in read()["timesheets"]] == ["import-job", "other"]


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        *[("7.25", "7.25"), ("7.5", "7.50"), ("24", "24.00"), ("0.01", "0.01"), ("07.250", "7.25")],
        *[(7.25, "7.25"), (8, "8.00"), (0.1, "0.10"), (24.0, "24.00")],
    ],
)
def test_keeps_hours_as_exact_decimals(upload: Upload, read: Read, sent: Any, stored: str) -> None:
    assert upload(entry(hours=sent)).status_code == 200
    assert read()["timesheets"][0]["hours"] == stored
    assert upload(entry(hours=stored)).json == {"booked": 0, "unchanged": 1}


@pytest.mark.parametrize("field", ["project", "user_id"])
@pytest.mark.parametrize(
    ("sent", "booked"),
    [
        ("Refonte\xa0: 2", "Refonte : 2"),
        ("\u3000Refonte\u202f: 2 ", "Refonte : 2"),
        ("Cafe\u0301", "Café"),
        ("Donau\xaddampf", "Donaudampf"),
        ("Auf\u200clage", "Auflage"),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d💻", "👩\u200d💻"),
    ],
)
def test_a_name_is_booked_in_one_form_and_found_in_any(
    upload: Upload, read: Read, field: str, sent: str, booked: str
) -> None:
    assert upload(entry() | {field: sent}).json == {"booked": 1, "unchanged": 0}
    assert upload(entry() | {field: booked}).json == {"booked": 0, "unchanged": 1}
    for name in (sent, booked):
        assert [row[field] for row in read(f"?{field}={quote(name)}")["timesheets"]] == [booked]


@pytest.mark.parametrize("external_id", ["a\xa0b", "a\xadb", "\u200da"])
def test_an_external_id_has_one_form(upload: Upload, external_id: str) -> None:
    assert upload(entry(external_id)).json == refused((0, "external_id", "invalid", PRINTABLE))


NO_DECIMALS: list[Any] = ["", "-1", "7,5", " 7", "1_0", "1e1", "NaN", "٣", ".5", True, False]
NO_NUMBERS: list[Any] = [None, [], {}]
DECIMAL = "Input should be a decimal number, as 7.25"
PRINTABLE = "Input should be printable and not blank"
DATE = "Input should be a date that exists"
PATTERN = "String should match pattern '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'"
SURROGATE = "Input should be a valid string, unable to parse raw data as a unicode string"
LONG = "String should have at most 64 characters"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        *[({"hours": hours}, "Input should be greater than 0") for hours in ("0", "0.00", 0, -1)],
        *[({"hours": hours}, "Input should be less than or equal to 24") for hours in ("24.01", 25, 10**30)],
        ({"hours": "7.255"}, "Decimal input should have no more than 2 decimal places"),
        *[({"hours": hours}, DECIMAL) for hours in NO_DECIMALS],
        *[
            ({"hours": hours}, "Decimal input should be an integer, float, string or Decimal object")
            for hours in NO_NUMBERS
        ],
        *[
            ({"date": date}, PATTERN)
            for date in ("", "2026-1-1", "20261101", "2026-W01-1", "2026-11-01T00:00", "٢٠٢٦-11-01")
        ],
        *[({"date": date}, DATE) for date in ("2026-02-29", "2026-13-01", "0000-01-01")],
        *[({"date": date}, "Input should be a valid string") for date in (None, 20261101, 0)],
        *[
            ({name: value}, PRINTABLE)
            for name in ("user_id", "project")
            for value in (
                *(" ", "a\nb", "a\x00", "a\n", "\u202ea", "a\u200b", "\xa0", "\u3000", "\x85"),
                *("\xad", "a\u202fb\u200d", "\u200ca", "م\u200c\u200cم", "\u2066a", "\ufeffa"),
                *("a\u180e", "a\u3164", "\u115f", "\u2800", "a\U000e0041", "a\u034f"),
            )
        ],
        *[({name: "x" * 65}, LONG) for name in ("user_id", "external_id")],
        *[
            ({name: ""}, "String should have at least 1 character")
            for name in ("user_id", "external_id", "project")
        ],
        ({"project": "x" * 101}, "String should have at most 100 characters"),
        ({"user_id": "\ud800"}, SURROGATE),
        ({"user_id": 7}, "Input should be a valid string"),
        ({"client_id": "other"}, "Extra inputs are not permitted"),
    ],
)
def test_refuses_a_bad_entry(upload: Upload, read: Read, changes: dict[str, Any], reason: str) -> None:
    response = upload({"entries": [entry("good"), entry() | changes]})
    [field] = changes
    assert (response.status_code, response.json) == (422, refused((1, field, "invalid", reason)))
    assert response.headers["Content-Type"] == "application/problem+json"
    assert read() == {"timesheets": [], "next_cursor": None}


def refused(*errors: tuple[int | None, str | None, str, str]) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Nothing was booked: correct the entries listed in errors.",
        "errors": [dict(zip(("index", "field", "code", "reason"), error, strict=True)) for error in errors],
    }


def test_keeps_a_number_of_many_digits_exact(client: FlaskClient, bearer: Bearer) -> None:
    body = json.dumps(entry(hours=0)).replace(": 0", ": 7.2500000000000000000000000000000000001")
    response = client.post("/timesheets/upload", data=body, content_type="application/json", headers=bearer())
    assert response.json == refused(
        (0, "hours", "invalid", "Decimal input should have no more than 2 decimal places")
    )


@pytest.mark.requirement("RFC 9457 3.1 members")
def test_lists_every_bad_entry_at_once(upload: Upload, read: Read) -> None:
    upload(entry("booked"))
    response = upload(
        {
            "entries": [
                entry("good"),
                entry("booked", hours="1", project="Other"),
                {"external_id": "e2", "hours": "25", "x": 1, "y": 2},
                entry("good"),
                "no entry",
                entry("booked"),
            ]
        }
    )
    assert response.json == refused(
        (
            1,
            "project",
            "conflict",
            "Is booked with another value; if this one is right, delete that timesheet first",
        ),
        (
            1,
            "hours",
            "conflict",
            "Is booked with another value; if this one is right, delete that timesheet first",
        ),
        (2, "user_id", "invalid", "Field required"),
        (2, "date", "invalid", "Field required"),
        (2, "project", "invalid", "Field required"),
        (2, "hours", "invalid", "Input should be less than or equal to 24"),
        (2, "x", "invalid", "Extra inputs are not permitted"),
        (3, "external_id", "duplicate", "Is the external_id of an earlier entry too"),
        (4, None, "invalid", "Input should be a valid dictionary or instance of Entry"),
        (5, "external_id", "duplicate", "Is the external_id of an earlier entry too"),
    )
    assert len(read()["timesheets"]) == 1


@pytest.mark.parametrize("entries", [[], None, "x", {}, [{}] * 501])
def test_refuses_a_batch_that_is_not_a_list_of_entries(upload: Upload, entries: Any) -> None:
    response = upload({"entries": entries})
    assert (response.status_code, response.json) == (
        422,
        refused((None, "entries", "invalid", "Should be a list of 1 to 500 entries")),
    )


@pytest.mark.parametrize("body", [[], "x", 1, True, [{}]])
def test_refuses_a_body_that_is_not_an_object(upload: Upload, body: Any) -> None:
    response = upload(body)
    assert response.json == refused(
        (0, None, "invalid", "Input should be a valid dictionary or instance of Entry")
    )


def test_reads_page_by_page(upload: Upload, read: Read) -> None:
    upload({"entries": [entry(f"e{number}") for number in range(5)]})
    names, query = [], "?limit=2"
    while query:
        page = read(query)
        names.append([row["external_id"] for row in page["timesheets"]])
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert names == [["e0", "e1"], ["e2", "e3"], ["e4"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        *[("user_id=u1", ["a", "b"]), ("user_id=u%201", []), ("project=Caf%C3%A9", ["b", "c"])],
        *[
            ("from=2026-11-02", ["b", "c"]),
            ("to=2026-11-02", ["a", "b"]),
            ("from=2026-11-02&to=2026-11-02", ["b"]),
        ],
        *[
            ("user_id=u1&project=Caf%C3%A9", ["b"]),
            ("from=2026-11-03&to=2026-11-01", []),
            ("cursor=1", ["b", "c"]),
        ],
    ],
)
def test_filters(upload: Upload, read: Read, query: str, expected: list[str]) -> None:
    upload(
        {
            "entries": [
                entry("a", date="2026-11-01"),
                entry("b", project="Café"),
                entry("c", user_id="u2", date="2026-11-03", project="Café"),
            ]
        }
    )
    assert [row["external_id"] for row in read(f"?{query}")["timesheets"]] == expected


def test_books_a_batch_once_when_many_threads_upload_it(app: Flask, bearer: Bearer, read: Read) -> None:
    batch = {"entries": [entry(f"e{number}") for number in range(50)]}
    answers: list[Any] = []

    def upload() -> None:
        answers.append(app.test_client().post("/timesheets/upload", json=batch, headers=bearer()).json)

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer["booked"] for answer in answers) == [0, 0, 0, 50]
    assert len(read("?limit=500")["timesheets"]) == 50


DEPARTMENT = "https://exampleco.example/department"
CREATE = "create:timesheets read:timesheets delete:timesheets"


def test_creates_one_timesheet_once(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer(scope=CREATE)
    first = client.post("/timesheets", json=entry(hours=7.25), headers=headers)
    assert (first.status_code, first.json) == (201, {"id": 1, **entry(), **BOOKED})
    again = client.post("/timesheets", json=entry(), headers=headers)
    assert (again.status_code, again.json) == (200, first.json)
    assert first.headers["Location"] == again.headers["Location"] == "/timesheets/1"


def test_logs_each_change_with_its_client(
    client: FlaskClient, bearer: Bearer, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    headers = bearer(scope=f"{CREATE} batch:upload")
    client.post("/timesheets/upload", json={"entries": [entry("e1"), entry("e2")]}, headers=headers)
    for _ in range(2):  # the second time it is booked already
        client.post("/timesheets", json=entry("e3"), headers=headers)
    client.delete("/timesheets/3", headers=headers)
    logged = [line for line in log_lines() if line["message"] != "request"]
    assert {line["client_id"] for line in logged} == {"import-job"}
    assert [
        (line["message"], line.get("id"), line.get("booked"), line.get("unchanged")) for line in logged
    ] == [
        ("timesheets uploaded", None, 2, 0),
        ("timesheet created", 3, None, None),
        ("timesheet deleted", 3, None, None),
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (
            entry(hours="1"),
            (
                0,
                "hours",
                "conflict",
                "Is booked with another value; if this one is right, delete that timesheet first",
            ),
        ),
        (entry(hours="25"), (0, "hours", "invalid", "Input should be less than or equal to 24")),
        (entry() | {"x": 1}, (0, "x", "invalid", "Extra inputs are not permitted")),
        *[
            (body, (0, None, "invalid", "Input should be a valid dictionary or instance of Entry"))
            for body in ([], [entry()], "x")
        ],
    ],
)
def test_refuses_to_create_a_bad_timesheet(
    client: FlaskClient, bearer: Bearer, body: Any, error: Any
) -> None:
    headers = bearer(scope=CREATE)
    client.post("/timesheets", json=entry(), headers=headers)
    response = client.post("/timesheets", json=body, headers=headers)
    assert (response.status_code, response.json) == (422, refused(error))


def test_deletes_a_timesheet_and_never_uses_its_id_again(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer(scope=CREATE)
    client.post("/timesheets", json=entry(), headers=headers)
    deleted = client.delete("/timesheets/1", headers=headers)
    assert (deleted.status_code, deleted.data) == (204, b"")
    missing = client.delete("/timesheets/1", headers=headers)
    assert (missing.status_code, missing.json) == (
        404,
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "There is no such timesheet.",
        },
    )
    assert client.post("/timesheets", json=entry(), headers=headers).headers["Location"] == "/timesheets/2"


@pytest.mark.requirement("RFC 9068 4 scope")
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/timesheets"), ("DELETE", "/timesheets/1"), ("GET", "/approvals"), ("PUT", "/approvals/1")],
)
def test_every_route_has_a_scope_of_its_own(
    client: FlaskClient, bearer: Bearer, method: str, path: str
) -> None:
    assert client.open(path, method=method).status_code == 401
    assert client.open(path, method=method, headers=bearer()).status_code == 403


@pytest.mark.parametrize(
    ("claim", "recorded"),
    [
        ("Payroll", "Payroll"),
        (None, None),
        (7, None),
        (["x"], None),
        ("a\nb", None),
        ("\ud800", None),
    ],
)
def test_records_the_department_that_booked_an_entry(
    upload: Upload, read: Read, claim: Any, recorded: str | None
) -> None:
    upload(entry(), **{DEPARTMENT: claim})
    upload(entry(), **{DEPARTMENT: "another"})
    assert [row["department"] for row in read()["timesheets"]] == [recorded]


@pytest.mark.parametrize("name", ["external_id", "user_id", "project", "date", "hours"])
@pytest.mark.parametrize("value", ["P\0", "P\ud800"], ids=["NUL", "surrogate"])
def test_refuses_text_that_postgresql_cannot_hold(upload: Upload, name: str, value: str) -> None:
    response: Any = upload(entry(**{name: value}))
    assert (response.status_code, response.json["errors"][0]["field"]) == (422, name)
