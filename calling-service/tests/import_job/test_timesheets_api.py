from typing import Any

import requests
from calling_service.import_job.export_rows import Entry
from calling_service.import_job.job import CHUNK
from calling_service.import_job.timesheets_api import Receipt, TimesheetsApi


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
