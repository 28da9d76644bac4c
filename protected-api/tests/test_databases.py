"""The settings name one database, and no password stands in them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from protected_api.settings import Settings
from protected_api.settings_reader import SettingsError

GOOD = {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9001"}
NO_URL = "DATABASE_URL: is not postgresql://user@host:port/database; correct it"
PASSWORD = "DATABASE_URL: has a password; write it into a file, DATABASE_PASSWORD_FILE"
URL = "postgresql://api@127.0.0.1:1/timesheets"


def problems(**environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as error:
        Settings.from_environ(GOOD | environ)
    return error.value.problems


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:////data/api.db", NO_URL),
        ("postgresql+psycopg://api@db/timesheets", NO_URL),
        ("postgresql://db/timesheets", NO_URL),
        ("postgresql://api@db", NO_URL),
        ("postgresql://api@db/", NO_URL),
        ("postgresql://api@db/time sheets", NO_URL),
        ("host=db user=api", NO_URL),
        ("postgresql://api:hunter2@db/timesheets", PASSWORD),
        ("postgresql://api:hunter/2@db/timesheets", PASSWORD),
        ("postgresql://api:hun@ter2@db/timesheets", PASSWORD),
        ("postgresql://api:@db/timesheets", PASSWORD),
        ("postgres://api:hunter2@db/timesheets", PASSWORD),
        ("postgresql://api@db/timesheets?sslmode=require&password=hunter2", PASSWORD),
        ("postgresql://api@db/timesheets?p%61ssword=hunter2", PASSWORD),
    ],
)
def test_refuses_a_url_that_is_none_or_has_a_password(url: str, problem: str) -> None:
    assert problems(DATABASE_URL=url) == (problem,)


def test_refuses_a_file_and_a_url_together(tmp_path: Path) -> None:
    assert problems(DATABASE_URL=URL, DATABASE_FILE=str(tmp_path / "api.db")) == (
        "DATABASE_URL: is set, and DATABASE_FILE too; set one of them",
    )


def test_refuses_a_password_file_without_a_url(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p")
    assert problems(DATABASE_FILE=str(tmp_path / "api.db"), DATABASE_PASSWORD_FILE=str(file)) == (
        "DATABASE_URL: is not set, but DATABASE_PASSWORD_FILE is; set both or neither",
    )


def test_refuses_a_password_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert problems(DATABASE_URL=URL, DATABASE_PASSWORD_FILE=str(tmp_path / "missing")) == (
        "DATABASE_PASSWORD_FILE: names a file that cannot be read; create it",
    )


def test_does_not_start_without_its_server() -> None:
    [problem] = problems(DATABASE_URL=URL)
    assert problem.startswith("DATABASE_URL: cannot be used (connection failed: ")
    assert problem.endswith("); set it to a database of PostgreSQL 17 that belongs to this user")
    assert "\n" not in problem


def test_names_a_wrong_password_without_repeating_it(new_database: Callable[[], Any], tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    database = new_database()
    [problem] = problems(DATABASE_URL=database.url(), DATABASE_PASSWORD_FILE=str(file))
    assert "password authentication failed for user" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("parameters", ["?no_such=1", "?connect_timeout=soon"])
def test_names_what_libpq_does_not_understand(parameters: str) -> None:
    [problem] = problems(DATABASE_URL=URL + parameters)
    assert problem.startswith("DATABASE_URL: cannot be used (")


def test_says_so_where_the_extra_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for name in [name for name in sys.modules if name.startswith("protected_api.postgresql")]:
        monkeypatch.delitem(sys.modules, name)
    assert problems(DATABASE_URL=URL) == (
        "DATABASE_URL: needs psycopg, which is not installed; install the extra postgresql",
    )
