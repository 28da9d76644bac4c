"""deploy/scale: what callers notice of a replica that is killed, hangs, or is replaced, and of each other."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import requests
from authlib.integrations.requests_client import OAuth2Session
from calling_service.oauth_client.retry import retry_policy
from live_stack import four_threads
from requests.adapters import HTTPAdapter
from scale_imports import exported, imported, new_ids
from scale_outages import without
from scale_stack import FORM, REPLICAS, ScaleStack

from drills.books import Booking, entry
from drills.callers import Call, Callers
from drills.clients import BOOKER, BOOKS, READER, READS, RETRIES, TIMEOUT, outcome, reading, with_folder
from drills.tally import Row, Tally

BROKEN = (
    b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nno size\r\n\r\n"
)


def test_a_killed_replica_costs_no_read_and_of_tokens_only_what_it_was_answering(
    scale: ScaleStack, measured: Callable[[str], None]
) -> None:
    """Repeat a read that died with its replica, which the proxy does; a POST is its sender's to repeat."""
    headers = {"Authorization": f"Bearer {scale.token('payroll-report')}"}
    form = FORM | {"audience": scale.timesheets_api}
    credentials = scale.credentials("payroll-report")
    token_url = f"{scale.url['auth-server']}/oauth/token"
    read_url = f"{scale.url['protected-api']}/timesheets?limit=1"
    statuses = Counter[tuple[str, int]]()
    over = threading.Event()

    def call() -> None:
        with requests.Session() as session:
            while not over.is_set():
                read = session.get(read_url, headers=headers, timeout=20)
                asked = session.post(token_url, form, auth=credentials, timeout=20)
                statuses["read", read.status_code] += 1
                statuses["token", asked.status_code] += 1
                assert asked.ok or "Retry-After" in asked.headers

    with ThreadPoolExecutor(4) as threads:
        callers = [threads.submit(call) for _ in range(4)]
        try:
            for replica in (*REPLICAS["protected-api"], *REPLICAS["auth-server"]):
                scale.kill(replica, 1)
        finally:
            over.set()
        for caller in callers:
            caller.result()
    counts = ", ".join(f"{kind} {status}: {count}" for (kind, status), count in sorted(statuses.items()))
    measured(f"4 replicas killed one after the other under 4 callers: {counts}")
    assert {status for kind, status in statuses if kind == "read"} == {200}
    assert {status for kind, status in statuses if kind == "token"} <= {200, 503}


def test_a_replica_that_hangs_is_left_out(scale: ScaleStack) -> None:
    token = scale.token("payroll-report")
    with without(scale, "protected-api-b", "pause"):
        time.sleep(4)  # the proxy looks every second, and waits two for an answer
        started = time.monotonic()
        answers = [scale.api("GET", "/timesheets?limit=1", token).status_code for _ in range(20)]
        assert time.monotonic() - started < 5
    assert set(answers) == {200}


def test_a_caller_who_breaks_its_requests_takes_no_replica_from_others(scale: ScaleStack) -> None:
    """The proxy blames nobody else for a body that it cannot pass on."""

    def break_one() -> None:
        with socket.create_connection(("127.0.0.1", scale.ports["auth-server"]), timeout=10) as connection:
            connection.sendall(BROKEN)
            assert connection.recv(64).split()[1].startswith(b"4")  # mostly 400; a server may be sooner

    url = f"{scale.url['auth-server']}/oauth/token"
    form = FORM | {"audience": scale.timesheets_api}
    with four_threads(break_one):
        answers = [requests.post(url, form, auth=scale.credentials(READER), timeout=20) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 2


def with_authlib(stack: ScaleStack) -> Call:
    """Return a call that gets a token and reads a timesheet by Authlib's session, with the job's retries."""
    made = OAuth2Session(*stack.credentials(READER), scope=READS)
    made.mount("http://", HTTPAdapter(max_retries=retry_policy(RETRIES, repeatable=True)))
    form = {"grant_type": "client_credentials", "audience": stack.timesheets_api}

    def call() -> requests.Response:
        made.fetch_token(f"{stack.url['auth-server']}/oauth/token", timeout=TIMEOUT, **form)
        answer: requests.Response = made.get(
            f"{stack.url['protected-api']}/timesheets?limit=1", timeout=TIMEOUT
        )
        return answer

    return lambda: outcome(call)


@contextmanager
def importing(stack: ScaleStack, row: Row) -> Iterator[list[str]]:
    """Let the job import one export after the other during the block; the list has the ids of all entries."""
    ids: list[str] = []
    over = threading.Event()

    def import_all() -> None:
        while not over.is_set():
            more = new_ids(200)
            ids.extend(more)
            with exported(stack, f"replaced-{more[0]}.csv", more):
                imported(stack.url["calling-service"])
            row.add()

    with ThreadPoolExecutor(1) as threads:
        done = threads.submit(import_all)
        try:
            yield ids
        finally:
            over.set()
        done.result()


def count_entries(booked: Counter[str], ids: Sequence[str], row: Row) -> None:
    row.lost = sum(booked[each] == 0 for each in ids)
    row.booked_twice = sum(booked[each] > 1 for each in ids)


def test_each_replica_is_replaced_under_load_and_no_call_fails(
    scale: ScaleStack, measured: Callable[[str], None]
) -> None:
    """Callers repeat a call as the job does: whether to repeat a POST, its sender decides."""
    tally = Tally()
    bookings, imports = tally.row("bookings"), tally.row("imports of the job")
    booking = Booking(scale, with_folder(scale, BOOKER, BOOKS))
    callers = (
        Callers(reading(scale, with_folder(scale, READER, READS)), tally.row("reads"), threads=2),
        Callers(booking.book_next, bookings, threads=2),
        Callers(with_authlib(scale), tally.row("tokens and reads by Authlib's session"), threads=1),
    )
    with importing(scale, imports) as ids, callers[0].calling(), callers[1].calling(), callers[2].calling():
        for replica in (*REPLICAS["auth-server"], *REPLICAS["protected-api"]):
            scale.replace(replica)
    booked = Counter(str(timesheet["external_id"]) for timesheet in scale.timesheets())
    count_entries(booked, [str(entry(number)["external_id"]) for number in booking.acknowledged], bookings)
    count_entries(booked, ids, imports)
    measured(f"4 replicas replaced one after the other:\n{tally.text()}")
    assert tally.all_called()
    assert (tally.failed, tally.wrong_bookings) == (0, 0)
