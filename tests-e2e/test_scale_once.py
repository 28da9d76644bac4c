"""deploy/scale: what must happen once happens at one replica; what one of them decides, the other knows."""

import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import requests
from calling_service.oauth_client.dpop import DpopKey
from live_stack import eventually
from scale_imports import INBOXES, exported, imported, new_ids
from scale_stack import FORM, ScaleStack

LIMIT = 100  # failed logins of a client id and an address in a minute
BOTH_WAYS = pytest.mark.parametrize("step", [1, -1], ids=["from the first", "from the second"])


def post(url: str, form: dict[str, str], **options: Any) -> requests.Response:
    return requests.post(f"{url}/oauth/token", form, timeout=20, **options)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@BOTH_WAYS
def test_a_client_assertion_counts_at_one_replica(scale: ScaleStack, step: int) -> None:
    form = scale.assertion()
    answers = [post(url, form) for url in scale.urls("auth-server")[::step]]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[1].json()["error"] == "invalid_client"
    assert "client_assertion: replayed" in scale.logs("auth-server")


def test_a_client_assertion_that_reaches_both_replicas_at_once_counts_once(scale: ScaleStack) -> None:
    urls = scale.urls("auth-server") * 4
    with ThreadPoolExecutor(len(urls)) as threads:
        for _ in range(10):
            answers = threads.map(post, urls, [scale.assertion()] * len(urls))
            statuses = Counter(answer.status_code for answer in answers)
            assert statuses == {200: 1, 401: len(urls) - 1}


@BOTH_WAYS
def test_a_dpop_proof_counts_at_one_replica(scale: ScaleStack, step: int) -> None:
    key = DpopKey()
    form = FORM | {"audience": scale.timesheets_api}
    credentials = scale.credentials("payroll-report")
    headers = {"DPoP": key.proof("POST", f"{scale.issuer}/oauth/token")}
    urls = scale.urls("auth-server")[::step]
    asked = [post(url, form, auth=credentials, headers=headers) for url in urls]
    assert [answer.status_code for answer in asked] == [200, 400]
    assert asked[1].json()["error"] == "invalid_dpop_proof"

    token = asked[0].json()["access_token"]
    proof = key.proof("GET", f"{scale.timesheets_api}/timesheets", token)
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    urls = scale.urls("protected-api")[::step]
    read = [requests.get(f"{url}/timesheets", headers=headers, timeout=20) for url in urls]
    assert [answer.status_code for answer in read] == [200, 401]
    assert read[1].json()["error_description"] == "The DPoP proof was used before."


@BOTH_WAYS
def test_a_token_revoked_at_one_replica_is_inactive_at_the_other(scale: ScaleStack, step: int) -> None:
    def call(url: str, path: str, client_id: str) -> requests.Response:
        credentials = scale.credentials(client_id)
        return requests.post(f"{url}/oauth/{path}", {"token": token}, auth=credentials, timeout=20)

    token = scale.token("payroll-report", scope="read:timesheets")
    first, second = scale.urls("auth-server")[::step]
    assert call(second, "introspect", "timesheets-api").json()["active"] is True
    assert call(first, "revoke", "payroll-report").status_code == 200
    assert call(second, "introspect", "timesheets-api").json() == {"active": False}


def test_a_key_changed_at_one_replica_signs_at_the_other_and_both_apis_take_it(scale: ScaleStack) -> None:
    def keys(*command: str) -> list[dict[str, Any]]:
        listed = scale.inside("auth-server", "flask", "--app", "auth_server.wsgi", "keys", *command, "--json")
        return [key for key in json.loads(listed) if key["alg"] == "RS256"]

    def of_another_key() -> str | None:
        form = FORM | {"audience": scale.timesheets_api}
        token = str(post(second, form, auth=scale.credentials("payroll-report")).json()["access_token"])
        return None if token.partition(".")[0] == old.partition(".")[0] else token

    _, second = scale.urls("auth-server")
    old = scale.token("payroll-report")
    (current,) = [key["kid"] for key in keys("list") if key["state"] == "current"]
    keys("revoke", current)
    token = eventually(of_another_key, "the other replica signs with the next key")
    urls = scale.urls("protected-api")
    read = [requests.get(f"{url}/timesheets", headers=bearer(token), timeout=20) for url in urls]
    assert [answer.status_code for answer in read] == [200, 200]


def test_failed_logins_are_counted_by_both_replicas_together(scale: ScaleStack) -> None:
    def login(number: int) -> int:
        return post(urls[number % 2], FORM, auth=(who, "wrong")).status_code

    def limited(number: int) -> bool | None:
        return login(number) == 429 or None

    who = f"failing-at-both-{secrets.token_hex(4)}"
    urls = scale.urls("auth-server")
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(login, range(LIMIT))) == {401}, "half of them at each"
    for number in (0, 1):
        eventually(partial(limited, number), "it is above the limit there too")


def test_the_same_entries_at_both_replicas_at_once_are_booked_once(scale: ScaleStack) -> None:
    def upload(url: str, entries: list[dict[str, str]]) -> dict[str, int]:
        body = {"entries": entries}
        answer = requests.post(f"{url}/timesheets/upload", json=body, headers=bearer(token), timeout=20)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    token = scale.token("timesheets-import-job", scope="batch:upload")
    urls = scale.urls("protected-api") * 2
    ids = new_ids(200)
    entry = {"user_id": "C-1001", "date": "2026-11-17", "project": "At once", "hours": "1.00"}
    with ThreadPoolExecutor(len(urls)) as threads:
        for start in range(0, len(ids), 20):
            entries = [entry | {"external_id": each} for each in ids[start : start + 20]]
            answers = [*threads.map(upload, urls, [entries] * len(urls))]
            assert sum(answer["booked"] for answer in answers) == len(entries)
            assert sum(answer["unchanged"] for answer in answers) == len(entries) * (len(urls) - 1)
    booked = Counter(str(row["external_id"]) for row in scale.timesheets())
    assert {booked[each] for each in ids} == {1}


def test_two_jobs_import_the_same_rows_each_as_its_own_client(scale: ScaleStack) -> None:
    ids = new_ids(50)
    with exported(scale, "both.csv", ids, INBOXES):
        runs = [imported(url) for url in (scale.url["calling-service"], scale.url_b)]
    files = [file for run in runs for file in run["files"] if file["name"] == "both.csv"]
    assert [file["booked"] for file in files] == [50, 50]
    booked = Counter(str(row["external_id"]) for row in scale.timesheets())
    assert {booked[each] for each in ids} == {2}


def test_an_import_under_kills_books_every_row_once(
    scale: ScaleStack, measured: Callable[[str], None]
) -> None:
    ids = new_ids(6000)
    killed: list[str] = []
    over = threading.Event()

    def kill_in_turn() -> None:
        for replica in ("protected-api", "auth-server-b", "protected-api-b", "auth-server"):
            if not over.wait(0.3):
                killed.append(replica)
                scale.kill(replica, 0.5)

    thread = threading.Thread(target=kill_in_turn)
    thread.start()
    try:
        with exported(scale, "kills.csv", ids):
            imported(scale.url["calling-service"])
    finally:
        over.set()
        thread.join()
    booked = Counter(str(row["external_id"]) for row in scale.timesheets())
    lost, twice = sum(booked[each] == 0 for each in ids), sum(booked[each] > 1 for each in ids)
    measured(f"import of {len(ids)} rows, {len(killed)} replicas killed: {lost} lost, {twice} booked twice")
    assert killed
    assert (lost, twice) == (0, 0)
