"""Fill the databases of both servers with as many rows as asked for. Not here: what is measured.

The rows that the requests look for are the last ones, the same in a database of any size: twenty timesheets
of Anna's for the project Rare, approved, ten of an early date and ten of a late one.
"""

import datetime
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from protected_api.sqlite.database import MIGRATIONS

DAYS = 1000  # that the timesheets are spread over
BEFORE_INDEXES = 2  # migrations
EARLY = "2000-01-01"
LATE = "2026-12-31"
APPROVED_AT = "2026-12-31T00:00:00Z"
FIRST_DAY = datetime.date(2024, 1, 1)
ASSERTION = "INSERT INTO seen_assertions (client_id, jti_digest, expires_at) VALUES ('bench-keys', ?, ?)"
REVOKED = "INSERT INTO revoked_tokens (jti, expires_at) VALUES (?, ?)"
TIMESHEET = """
INSERT INTO timesheets (client_id, external_id, user_id, date, project, hours, approved_at)
VALUES ('another-job', ?, ?, ?, ?, 725, ?)
"""


def write_tenant(file: Path, sample: str, clients: int, api: str) -> None:
    """Write a tenant file that declares the sample's clients and many more, each with a grant for an API."""
    names = [f"bench-{number}" for number in range(clients)]
    declared = [
        f"  - {{client_id: {each}, name: B, secret_digest_files: [payroll-report.sha256]}}" for each in names
    ]
    grants = [f"  - {{client: {each}, audience: {api}, scopes: [read:timesheets]}}" for each in names]
    declared.append("  - {client_id: bench-keys, name: B, jwks_file: bench-keys.json}")
    grants.append(f"  - {{client: bench-keys, audience: {api}, scopes: [read:timesheets]}}")
    before, _, after = sample.partition("\nclients:\n")
    text = [f"{before}\nclients:", *declared, after.rstrip(), *grants, ""]
    file.write_text("\n".join(text))


def fill_auth_server(file: str, rows: int) -> None:
    """Add revoked tokens and seen assertions that expire within the next day."""
    chance = random.Random(1)  # noqa: S311 the same rows at each run
    now = int(time.time())
    keys = sorted(chance.randbytes(16) for _ in range(rows))
    with closing(_opened(file)) as connection, connection:
        connection.executemany(REVOKED, ((key.hex(), now + 3600 + key[0] * 300) for key in keys))
        connection.executemany(ASSERTION, ((key * 2, now + 3600 + key[0] * 300) for key in keys))


def fill_protected_api(file: str, rows: int) -> None:
    """Create a database without its newest indexes, and add timesheets in the order of their dates."""
    with closing(_opened(file)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL;" + "".join(MIGRATIONS[:BEFORE_INDEXES]))
        connection.execute(f"PRAGMA user_version = {BEFORE_INDEXES}")
        with connection:
            connection.executemany(TIMESHEET, _timesheets(rows))


def _timesheets(rows: int) -> Iterator[tuple[Any, ...]]:
    people = max(10, rows // 1000)
    days = [str(FIRST_DAY + datetime.timedelta(day)) for day in range(DAYS)]
    for number in range(rows - 20):
        date = days[number * DAYS // rows]
        yield f"e-{number}", f"C-{number % people}", date, f"Project {number % 50}", None
    for number in range(20):
        date = EARLY if number < 10 else LATE
        yield f"last-{number}", "Anna", date, "Rare", APPROVED_AT


def _opened(file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -200000")
    return connection
