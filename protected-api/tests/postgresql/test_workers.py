"""Two workers of four threads under gunicorn: each thread opens a connection of its own, after the fork."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'timesheets-api'
"""


@pytest.mark.long
def test_there_are_never_more_connections_than_threads(
    start_workers: Callable[..., Any], issuer: Any, served: Any, tmp_path: Path, eventually: Any
) -> None:
    database = {
        "DATABASE_FILE": "",
        "DATABASE_URL": served.url(),
        "DATABASE_PASSWORD_FILE": str(served.write_password(tmp_path)),
    }
    workers = start_workers(**database)
    with served.connect() as connection, ThreadPoolExecutor(24) as threads:
        assert connection.execute(CONNECTIONS).fetchone() == (0,)
        eventually(lambda: all(workers.status(path="/readyz") == 200 for _ in range(20)))
        tokens = [issuer.token(jti=str(number)) for number in range(300)]
        assert set(threads.map(workers.status, tokens)) == {200}
        (opened,) = connection.execute(CONNECTIONS).fetchone()
        assert 2 < opened <= 8
        workers.stop()
        eventually(lambda: connection.execute(CONNECTIONS).fetchone() == (0,))
