"""A proof counts once, for all threads, workers and apps on one database, for long enough on every host."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from protected_api import seen_proofs
from protected_api.app import create_app
from protected_api.seen_proofs import KEPT_LONGER, MOST_PURGED, SeenProofs
from protected_api.settings import Settings
from protected_api.sqlite.database import SqliteDatabase

NOW = 1_800_000_000


@pytest.fixture
def file(tmp_path: Path) -> str:
    file = str(tmp_path / "api.db")
    SqliteDatabase(file).prepare()
    return file


@pytest.fixture
def at(file: str) -> Callable[[float], SeenProofs]:
    """Return a function that makes the store of another process, at a time."""
    return lambda now: SeenProofs(SqliteDatabase(file), lambda: now)


def rows(file: str) -> int:
    with closing(sqlite3.connect(file)) as connection:
        count: int = connection.execute("SELECT count(*) FROM seen_proofs").fetchone()[0]
    return count


def test_of_many_at_once_one_is_first(at: Callable[[float], SeenProofs]) -> None:
    stores = [at(NOW), at(NOW)]
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda number: stores[number % 2].seen(b"proof", NOW + 60), range(40)))
    assert seen.count(False) == 1


def test_forgets_a_proof_an_hour_after_it_has_expired(at: Callable[[float], SeenProofs], file: str) -> None:
    """A host whose clock is ahead deletes nothing that another needs."""
    assert not at(NOW).seen(b"old", NOW + 60)
    assert not at(NOW + 59 + KEPT_LONGER).seen(b"new", NOW + 9000)
    assert at(NOW).seen(b"old", NOW + 60)
    assert not at(NOW + 60 + KEPT_LONGER).seen(b"newer", NOW + 9000)
    assert rows(file) == 2


@pytest.mark.kinds_of_failures("proof-at-the-api", {"replay-cache-evicts": "The DPoP proof was used before."})
def test_forgets_no_proof_before_it_expires_however_many_come(
    at: Callable[[float], SeenProofs], file: str
) -> None:
    assert not at(NOW).seen(b"first", NOW + 60)
    with closing(sqlite3.connect(file)) as connection, connection:
        many = ((NOW + 60, number.to_bytes(4, "big")) for number in range(100_000))
        connection.executemany("INSERT INTO seen_proofs VALUES (?, ?)", many)
    store = at(NOW + 59)
    store.seen(b"one more", NOW + 119)
    assert store.seen(b"first", NOW + 60)


def test_purges_no_more_than_a_request_can_bear(at: Callable[[float], SeenProofs], file: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        many = ((NOW, number.to_bytes(4, "big")) for number in range(MOST_PURGED + 1))
        connection.executemany("INSERT INTO seen_proofs VALUES (?, ?)", many)
    store = at(NOW + 1 + KEPT_LONGER)
    store.seen(b"one", NOW + 9000)
    assert rows(file) == 2
    store.seen(b"two", NOW + 9000)
    assert rows(file) == 2
    store.seen(b"three", NOW + 9000)
    assert rows(file) == 3
    assert seen_proofs.PURGE_SECONDS == 60


def test_a_store_that_failed_works_again_once_the_file_is_mended(
    at: Callable[[float], SeenProofs], file: str
) -> None:
    store = at(NOW)
    store.seen(b"one", NOW + 60)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE seen_proofs RENAME TO gone")
        with pytest.raises(sqlite3.Error):
            store.seen(b"two", NOW + 60)
        connection.execute("ALTER TABLE gone RENAME TO seen_proofs")
    assert store.seen(b"one", NOW + 60)


def test_a_commit_does_not_wait_for_the_disk(settings: Settings) -> None:
    app = create_app(replace(settings, dpop="1"))
    proofs = app.extensions["authorization"].possession.methods["jkt"].__self__
    database = proofs.seen.__self__.database
    assert database.connection().execute("PRAGMA synchronous").fetchone() == (1,)
