import json
from typing import Any

import pytest
import requests
from calling_service.import_job.job import CHUNK
from calling_service.import_job.timesheets_api import ApiError, Receipt, TimesheetsApi
from timesheet_exports.entry_rows import Entry
from werkzeug.wrappers import Response


def test_a_chunk_of_the_longest_entries_fits_into_one_mebibyte(api: Any) -> None:
    def entry(number: int) -> Entry:
        name = f"{number:0>4}" + "\N{GRINNING FACE}" * 60
        return Entry(name, name, "2026-11-09", "\N{GRINNING FACE}" * 100, "24.00")

    with requests.Session() as session:
        receipt = TimesheetsApi(session, api.url, (1, 5)).upload([entry(number) for number in range(CHUNK)])
    assert receipt == Receipt(booked=CHUNK)
    (request,) = api.requests
    assert request.mimetype == "application/json"
    assert request.content_length < 1 << 20


ENTRIES = [Entry("1", "C-1", "2026-11-09", "P", "1.00"), Entry("2", "C-1", "2026-11-09", "P", "2.00")]


def upload(api: Any, answer: Response) -> Receipt:
    api.answers = [answer]
    with requests.Session() as session:
        return TimesheetsApi(session, api.url, (1, 5)).upload(ENTRIES)


def test_names_the_field_and_the_first_reason_of_each_refused_entry(api: Any) -> None:
    errors = [
        "not an object",
        {"index": 9, "reason": "beyond"},
        {"index": "0", "reason": "not a number"},
        {"index": 1, "field": "hours", "reason": "is booked with other values"},
        {"index": 1, "field": "date", "reason": "a second reason"},
        {"index": 0, "field": "colour", "code": "odd"},
    ]
    receipt = upload(api, Response(json.dumps({"errors": errors}), 422))
    assert receipt == Receipt(refused={1: ("hours", "is booked with other values"), 0: ("colour", "odd")})


ECHOED = "odd: eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl!"


def test_a_token_that_the_api_echoes_is_not_in_a_reject(api: Any) -> None:
    answer = Response(json.dumps({"errors": [{"index": 0, "field": "hours", "reason": ECHOED}]}), 422)
    assert upload(api, answer).refused == {0: ("hours", "odd: ***!")}


def test_a_token_that_the_api_echoes_is_not_in_the_error(api: Any) -> None:
    answer = Response(json.dumps({"detail": ECHOED}), 500)
    with pytest.raises(ApiError) as error:
        upload(api, answer)
    assert (error.value.status, error.value.detail) == (500, "odd: ***!")


def test_a_number_of_too_many_digits_is_no_json(api: Any) -> None:
    answer = Response('{"booked": ' + "9" * 5000 + "}", 200)
    with pytest.raises(ApiError, match="does not account"):
        upload(api, answer)
