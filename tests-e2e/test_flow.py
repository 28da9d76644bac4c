"""The flow that succeeds: what `make up` shows, what a run records, and that nothing is booked twice."""

import re

from live_stack import Stack


def test_make_up_shows_the_four_steps_with_the_values_that_crossed_the_wire(stack: Stack) -> None:
    shown = stack.first_output
    for expected in (
        r"Timesheets Import Job → Authorization Server",
        r"POST /oauth/token HTTP/1.1",
        r"grant_type=client_credentials",
        r"Authorization: Basic .*masked",
        r"typ +at\+jwt",
        rf"aud +{stack.timesheets_api}",
        r"sub +timesheets-import-job",
        r"POST /timesheets/upload HTTP/1.1",
        r"GET\s+/\.well-known/jwks\.json",
        r'"booked":234',
        rf"http://localhost:{stack.ports['calling-service']}/",
    ):
        assert re.search(expected, shown), expected
    assert re.search(r"expires in 5\d minutes", shown)
    assert "\x1b[" not in shown, "colours are for a terminal"


def test_every_good_row_of_the_sample_is_booked_and_every_bad_one_is_reported(stack: Stack) -> None:
    run = stack.run_import(resend=True, fresh_token=True)
    assert run["state"] == "completed"
    assert run["booked"] + run["unchanged"] + run["rejected"] == sum(file["rows"] for file in run["files"])
    assert {(reject["column"]) for reject in run["rejects"]} >= {"Hours", "Project", "Date", "entry_id"}
    assert all(reject["file"] and reject["line"] > 1 and reject["reason"] for reject in run["rejects"])


def test_a_second_import_books_nothing_twice(stack: Stack) -> None:
    stack.run_import(resend=True)
    before = stack.timesheets()
    run = stack.run_import(resend=True, fresh_token=True)
    assert run["booked"] == 0
    assert run["unchanged"] == len(before) > 200
    assert stack.timesheets() == before


def test_the_run_records_each_exchange_and_no_secret(stack: Stack) -> None:
    run = stack.run_import(resend=True, fresh_token=True)
    calls = [exchange["request"]["start_line"] for exchange in run["exchanges"]]
    assert calls[0] == "POST /oauth/token HTTP/1.1"
    assert set(calls[1:]) == {"POST /timesheets/upload HTTP/1.1"}
    assert stack.secret("timesheets-import-job") not in str(run)
    assert not re.search(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{16,}", str(run)), "a token with its signature"


def test_each_service_is_restarted_and_the_import_still_books_the_same(stack: Stack) -> None:
    stack.run_import(resend=True)
    before = stack.timesheets()
    for service in stack.ports:
        stack.stop(service)
        stack.start(service)
        stack.wait_until_ready()
        run = stack.run_import(resend=True)
        assert (run["state"], run["booked"]) == ("completed", 0), run["error"]
    assert stack.timesheets() == before
