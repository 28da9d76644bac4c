"""The key set in its file: it outlives a restart, is shared, and no older one ever replaces a newer one."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import shuffle
from typing import Any

import pytest
from protected_api.resource_server.issuer_keys import IssuerKeys
from protected_api.resource_server.jwk_set import usable_keys
from protected_api.resource_server.key_set_file import KeySetFile
from protected_api.resource_server.refusals import UnavailableError

HARD_TTL = 86400


def down() -> Any:
    raise ConnectionRefusedError("the authorization server is down")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "jwks.json"


@pytest.fixture
def worker(issuer: Any, path: Path) -> Callable[..., IssuerKeys]:
    """Return a function that makes the keys of one more worker; `fetch` is what the issuer answers it."""

    def make(fetch: Callable[[], Any] = lambda: issuer.key_set, **more: Any) -> IssuerKeys:
        file = KeySetFile(path, issuer.url, issuer.jwks_uri, **more.pop("file", {}))
        return IssuerKeys(fetch, **({"max_wait": 10} | more), file=file)

    return make


def change(path: Path, **members: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def test_a_restarted_worker_serves_while_the_issuer_is_down(worker: Callable[..., IssuerKeys]) -> None:
    worker().refresh()
    restarted = worker(down)
    assert restarted.find("rsa") is not None
    assert set(restarted.usable()) == {"rsa", "ec", "ed"}
    assert restarted.find("unknown") is None


def test_starts_without_a_file_and_without_its_issuer(
    worker: Callable[..., IssuerKeys], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UnavailableError):
        worker(down).find("rsa")
    assert [record.message for record in caplog.records] == ["key set not fetched"]


def test_serves_from_the_file_while_the_first_fetch_lasts_and_trusts_the_fetch_if_that_is_quick(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path
) -> None:
    """A key that was withdrawn while no worker ran does not come back."""
    worker().refresh()
    change(path, fetched_at=time.time() - 3600)
    answer = threading.Event()

    def slow() -> Any:
        answer.wait(20)
        return {"keys": [issuer.jwk("ec")]}

    restarted = worker(slow, max_wait=0.01)
    assert restarted.find("rsa") is not None
    answer.set()
    assert worker(slow).find("rsa") is None


@pytest.mark.parametrize(("age", "served"), [(HARD_TTL, True), (HARD_TTL + 1, False)])
def test_the_hard_time_counts_from_the_fetch_and_not_from_the_restart(
    worker: Callable[..., IssuerKeys], path: Path, *, age: float, served: bool
) -> None:
    worker().refresh()
    now = time.time()
    change(path, fetched_at=now - age)
    restarted = worker(down, file={"clock": lambda: now}, clock=lambda: 1.0)
    if served:
        assert restarted.find("rsa") is not None
    else:
        with pytest.raises(UnavailableError, match=r"^no usable key set$"):
            restarted.find("rsa")


def test_a_set_from_the_file_is_trusted_until_its_hard_time(
    worker: Callable[..., IssuerKeys], path: Path, clock: Any
) -> None:
    worker().refresh()
    now = time.time()
    change(path, fetched_at=now - HARD_TTL + 10)
    restarted = worker(down, file={"clock": lambda: now}, clock=clock)
    assert restarted.find("rsa") is not None
    clock.now += 11
    with pytest.raises(UnavailableError):
        restarted.find("rsa")


def test_takes_a_new_key_that_another_worker_has_fetched_without_a_fetch_of_its_own(
    worker: Callable[..., IssuerKeys], issuer: Any
) -> None:
    fetches: list[int] = []

    def counted() -> Any:
        fetches.append(1)
        return {"keys": [issuer.jwk("rsa")]}

    one = worker(counted)
    one.refresh()
    assert one.find("unknown") is None  # now the cooldown runs
    worker(lambda: {"keys": [issuer.jwk("rsa"), issuer.jwk("rsa", kid="new")]}).refresh()
    assert one.find("new") is not None
    assert len(fetches) == 2


def test_takes_back_no_withdrawn_key_from_the_file(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path
) -> None:
    worker().refresh()
    older = path.read_bytes()
    one = worker(lambda: {"keys": [issuer.jwk("ec")]})
    one.refresh()
    assert worker(down).find("rsa") is None
    path.write_bytes(older)
    assert one.find("rsa") is None


def test_takes_no_older_set_after_one_that_it_took_from_the_file(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker().refresh()
    change(path, fetched_at=time.time() - 3600)
    older = path.read_bytes()
    worker(lambda: {"keys": [issuer.jwk("ec")]}).refresh()
    caplog.set_level(logging.INFO)
    restarted = worker(down)
    assert restarted.find("ec") is not None
    [taken] = [record for record in caplog.records if record.message == "key set taken from its file"]
    assert vars(taken)["age"] <= 60  # seconds
    path.write_bytes(older)
    assert restarted.find("rsa") is None


def test_a_worker_whose_issuer_has_withdrawn_every_key_leaves_none_in_the_file(
    worker: Callable[..., IssuerKeys],
) -> None:
    worker().refresh()
    worker(lambda: {"keys": []}).refresh()
    with pytest.raises(UnavailableError):
        worker(down).find("rsa")


def test_a_slow_fetch_does_not_replace_what_another_worker_fetched_meanwhile(
    worker: Callable[..., IssuerKeys], issuer: Any
) -> None:
    """It may bring a key that was withdrawn since, and lack a new one."""
    new = {"keys": [issuer.jwk("rsa", kid="new")]}

    def slow() -> Any:
        worker(lambda: new).refresh()
        assert one.find("new") is not None
        return {"keys": [issuer.jwk("rsa")]}

    one = worker()
    one.refresh()
    one.fetch = slow
    one.refresh()
    assert set(one.usable()) == {"new"}
    assert set(worker(down).usable()) == {"new"}


def test_of_many_writers_the_latest_fetch_stays(issuer: Any, path: Path) -> None:
    keys = list(usable_keys(issuer.key_set, {}).values())
    times = list(range(1000, 1200))
    shuffle(times)

    def keep(at: int) -> None:
        KeySetFile(path, issuer.url, None).keep(keys, at)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, times))
    kept = KeySetFile(path, issuer.url, None).news()
    assert kept is not None
    assert kept.fetched_at == 1199


def test_overwrites_a_set_from_the_future_because_the_clock_was_set_back(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path
) -> None:
    worker().refresh()
    change(path, fetched_at=time.time() + 3600)
    with pytest.raises(UnavailableError):
        worker(down).find("rsa")
    worker(lambda: {"keys": [issuer.jwk("ec")]}).refresh()
    assert set(worker(down).usable()) == {"ec"}


OTHER = "^it is of another issuer or another address$"
NOT_PAST = "^its time is not in the past$"
UNUSABLE: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("empty", lambda _: b"", "Expecting value"),
    ("garbage", lambda _: b"\xff\x00", "codec can't decode"),
    ("half-written", lambda good: good[: len(good) // 2], "Unterminated string|Expecting"),
    ("a list", lambda _: b"[]", "^not an object$"),
    ("nested", lambda _: b"[" * 100_000, "^nested too deeply, or a number out of range$"),
    ("repeated members", lambda _: b'{"a": 1, "a": 1}', "^a repeated member$"),
    ("no members", lambda _: b"{}", OTHER),
    ("another issuer", lambda good: good.replace(b'"issuer": "http', b'"issuer": "https'), OTHER),
    ("another address", lambda good: good.replace(b"/jwks", b"/other"), OTHER),
    ("a time as text", lambda good: good.replace(b'"fetched_at": ', b'"fetched_at": "1", "x": '), NOT_PAST),
    ("a time before 1970", lambda good: good.replace(b'"fetched_at": ', b'"fetched_at": -'), NOT_PAST),
    ("a time in the future", lambda good: good.replace(b'"fetched_at": ', b'"fetched_at": 9'), NOT_PAST),
    (
        "an infinite time",
        lambda good: good.replace(b'"fetched_at": ', b'"fetched_at": 1e999, "x": '),
        NOT_PAST,
    ),
    ("a number that JSON has not", lambda _: b'{"fetched_at": NaN}', "^NaN$"),
    ("no key set", lambda good: good.replace(b'"key_set"', b'"x"'), "not a JWK set"),
]


@pytest.mark.parametrize(
    ("content", "reason"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE]
)
def test_ignores_a_file_that_cannot_be_used_and_then_overwrites_it(
    worker: Callable[..., IssuerKeys],
    path: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    content: Callable[[bytes], bytes],
    reason: str,
) -> None:
    worker().refresh()
    path.write_bytes(content(path.read_bytes()))
    restarted = worker(down)
    for _ in range(3):
        with pytest.raises(UnavailableError):
            restarted.find("rsa")
    [ignored] = [record for record in caplog.records if record.message == "key set file ignored"]
    assert ignored.levelname == "WARNING"
    assert re.search(reason, vars(ignored)["reason"])
    worker().refresh()
    assert worker(down).find("rsa") is not None


def test_a_bad_member_in_the_file_is_skipped_as_in_a_fetched_set(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path
) -> None:
    worker().refresh()
    weak = issuer.jwk("rsa", n="AQAB")
    change(path, key_set={"keys": [weak, issuer.jwk("ec")]})
    assert set(worker(down).usable()) == {"ec"}


def test_writes_usable_public_keys_alone_for_its_owner_alone(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path
) -> None:
    private = issuer.jwk("ed", kid="private", d="secret")
    symmetric = {"kty": "oct", "kid": "oct", "k": "secret"}
    worker(lambda: {"keys": [issuer.jwk("rsa"), private, symmetric]}).refresh()
    kept = json.loads(path.read_text())
    assert 0 <= time.time() - kept.pop("fetched_at") < 60
    assert kept == {
        "issuer": issuer.url,
        "jwks_uri": issuer.jwks_uri,
        "key_set": {"keys": [issuer.jwk("rsa")]},
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_written_to_costs_a_line_in_the_log_and_nothing_else(
    issuer: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = KeySetFile(tmp_path / "missing" / "jwks.json", issuer.url, None)
    keys = IssuerKeys(lambda: issuer.key_set, file=file)
    keys.refresh()
    assert keys.find("rsa") is not None
    [record] = [record for record in caplog.records if record.name.endswith("key_set_file")]
    assert record.message == "key set not kept"
    assert "No such file or directory" in vars(record)["reason"]


def test_reads_the_file_again_only_when_it_has_changed(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path
) -> None:
    worker().refresh()
    file = KeySetFile(path, issuer.url, issuer.jwks_uri)
    assert file.news() is not None
    assert file.news() is None


def test_reads_the_file_again_once_a_clock_that_was_behind_is_right(
    worker: Callable[..., IssuerKeys], issuer: Any, path: Path
) -> None:
    worker().refresh()
    right = time.time()  # not the file's time, which the kernel rounds down by up to a tick
    now = right - 3600
    file = KeySetFile(path, issuer.url, issuer.jwks_uri, lambda: now)
    with pytest.raises(ValueError, match=NOT_PAST):
        file.news()
    assert file.news() is None
    now = right
    assert file.news() is not None
    assert file.news() is None


def test_takes_a_set_of_this_very_second_also_from_a_host_whose_clock_begins_at_1970(
    issuer: Any, path: Path
) -> None:
    file = KeySetFile(path, issuer.url, None, clock=lambda: 0.0)
    file.keep(usable_keys(issuer.key_set, {}).values(), 0.0)
    kept = file.news()
    assert kept is not None
    assert (kept.fetched_at, kept.age) == (0.0, 0.0)
