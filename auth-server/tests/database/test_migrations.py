"""The schema is brought up to date by whichever process starts first, and an earlier version can go on."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from auth_server.app import create_app
from auth_server.clients.secret_uses import SecretUse, SecretUses
from auth_server.database.engine import create_database_engine
from auth_server.database.migrations import MIGRATIONS, add_column, migrate
from auth_server.database.tables import clients, metadata
from auth_server.settings_reader import SettingsError
from auth_server.startup import Service, apply, open_service

pytestmark = pytest.mark.databases("sqlite", "postgresql")

RELEASED = Path(__file__).parent / "released"
Start = Callable[[dict[str, str]], Service]


@pytest.fixture
def empty(empty_database: dict[str, str], open_engine: Callable[[dict[str, str]], sa.Engine]) -> sa.Engine:
    """Return the engine of a database without tables."""
    return open_engine(empty_database)


def add_note(connection: sa.Connection) -> None:
    """Add a column, as a later version might."""
    notes = sa.Table("clients", sa.MetaData(), sa.Column("note", sa.String))
    add_column(connection, notes.c.note)


def numbers(engine: sa.Engine) -> list[int]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT number FROM auth_server_migrations ORDER BY number")
        return list(rows.scalars())


def columns(engine: sa.Engine) -> dict[str, set[str]]:
    found = sa.inspect(engine).get_multi_columns()
    return {name: {column["name"] for column in each} for (_, name), each in found.items()}


def test_makes_the_tables_as_they_are_declared(empty: sa.Engine) -> None:
    migrate(empty)
    declared = {table.name: {column.name for column in table.columns} for table in metadata.sorted_tables}
    assert columns(empty) == declared | {"auth_server_migrations": {"number", "applied_at"}}
    assert numbers(empty) == list(range(1, len(MIGRATIONS) + 1))


def test_of_many_that_start_at_once_one_applies_each_migration(
    empty_database: dict[str, str], open_engine: Callable[[dict[str, str]], sa.Engine]
) -> None:
    applied = []
    engines = [open_engine(empty_database) for _ in range(6)]
    barrier = threading.Barrier(6)

    def count(connection: sa.Connection) -> None:
        applied.append(connection)
        add_note(connection)

    def start(engine: sa.Engine) -> None:
        barrier.wait()
        migrate(engine, (*MIGRATIONS, count))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(start, engines))
    assert len(applied) == 1
    assert numbers(engines[0]) == [1, 2]


def test_a_migration_that_fails_leaves_nothing_behind(empty: sa.Engine) -> None:
    def fail(connection: sa.Connection) -> None:
        add_note(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrate(empty, (*MIGRATIONS, fail))
    assert columns(empty) == {}
    migrate(empty)
    assert numbers(empty) == [1]


KILLED = """
import sys, time
from pathlib import Path
from auth_server.database.engine import create_database_engine
from auth_server.database.migrations import MIGRATIONS, migrate

def hang(connection):
    print("migrating", flush=True)
    time.sleep(60)

url, file = sys.argv[1:]
migrate(create_database_engine(url, Path(file) if file else None), (*MIGRATIONS, hang))
"""


def test_a_start_that_is_killed_in_the_middle_is_none(
    empty: sa.Engine, empty_database: dict[str, str]
) -> None:
    arguments = [empty_database["DATABASE_URL"], empty_database.get("DATABASE_PASSWORD_FILE", "")]
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", KILLED, *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "migrating\n"
        process.kill()
    migrate(empty)
    assert numbers(empty) == [1]


def test_a_start_after_a_later_version_leaves_its_database_alone(
    environ: dict[str, str],
    start: Start,
    open_engine: Callable[[dict[str, str]], sa.Engine],
) -> None:
    """An instance of the version before restarts during a rolling update."""
    engine = open_engine(environ)
    migrate(engine, (*MIGRATIONS, add_note))
    assert apply(start(environ)) == []
    assert numbers(engine) == [1, 2]
    assert "note" in columns(engine)["clients"]


def test_refuses_the_database_of_another_program_and_leaves_it_alone(
    environ: dict[str, str], empty_database: dict[str, str], empty: sa.Engine
) -> None:
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE signing_keys (a INT)")
    with pytest.raises(SettingsError) as caught:
        open_service(environ | empty_database)
    (problem,) = caught.value.problems
    assert problem.startswith("DATABASE_URL: cannot be used (")
    assert "signing_keys.kid" in problem
    assert columns(empty) == {"signing_keys": {"a"}}


@pytest.fixture(params=sorted(RELEASED.glob("*.sql")), ids=lambda file: file.stem)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Make a database as a released version made it."""
    file = tmp_path / "released.db"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(request.param.read_text())
    engine = create_database_engine(f"sqlite:///{file}")
    yield engine
    engine.dispose()


def described(engine: sa.Engine) -> dict[str, Any]:
    """Return what the statements of a version can run into: columns, keys and constraints of each table."""
    inspector = sa.inspect(engine)
    return {
        table: {
            "columns": {
                each["name"]: (str(each["type"]), each["nullable"]) for each in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": [each["column_names"] for each in inspector.get_unique_constraints(table)],
            "unique indexes": [each for each in inspector.get_indexes(table) if each["unique"]],
            "foreign keys": [each["constrained_columns"] for each in inspector.get_foreign_keys(table)],
            "checks": inspector.get_check_constraints(table),
        }
        for table in inspector.get_table_names()
    }


@pytest.mark.databases("sqlite")
def test_an_earlier_version_can_go_on_with_what_a_migration_made(released: sa.Engine) -> None:
    """Each migration only adds: tables, indexes, nullable columns. What a version wrote, it still may."""
    before = described(released)
    migrate(released)
    after = described(released)
    for table, earlier in before.items():
        now = after[table]
        added = {name: each for name, each in now["columns"].items() if name not in earlier["columns"]}
        assert now | {"columns": earlier["columns"]} == earlier
        assert now["columns"] == earlier["columns"] | added
        assert all(nullable for _, nullable in added.values()), added


@pytest.mark.databases("sqlite")
def test_a_released_database_becomes_as_a_new_one(released: sa.Engine, empty: sa.Engine) -> None:
    migrate(released)
    migrate(empty)
    assert described(released) == described(empty)


EARLIER = (
    "DROP TABLE auth_server_migrations",
    "ALTER TABLE secret_uses DROP COLUMN first_used",
    "ALTER TABLE clients DROP COLUMN jwks_file",
    "DROP TABLE seen_proofs",
    "UPDATE apis SET introspected_by = 'api' WHERE introspected_by IS NOT NULL",
    "INSERT INTO secret_uses VALUES ('job', x'01', 1000)",
)


@pytest.mark.databases("sqlite")
def test_adopts_a_database_from_before_the_migrations(
    environ: dict[str, str], execute: Callable[[str], None], start: Start
) -> None:
    """One client introspected for an API, and the first use of a secret was not recorded."""
    for statement in EARLIER:
        execute(statement)
    service = start(environ)
    client = create_app(service).test_client()
    form = {"grant_type": "client_credentials"}
    token = client.post("/oauth/token", data=form, auth=("job", "job-secret")).get_json()["access_token"]
    introspected = client.post("/oauth/introspect", data={"token": token}, auth=("api", "api-secret"))
    assert introspected.get_json()["active"] is True
    uses = dict(SecretUses(service.engine).read())
    assert uses.pop(("job", b"\1")) == SecretUse(None, 1000)
    assert {use.first == use.last for use in uses.values()} == {True}
    assert {column.name for column in clients.columns} == columns(service.engine)["clients"]
