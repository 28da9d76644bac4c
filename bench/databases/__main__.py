"""Measure both servers on PostgreSQL beside SQLite, in one process and one run (`make bench`)."""

import os
import secrets
import sys
import tempfile
from pathlib import Path

from postgresql_server import URL, Server, new_container, server_of_url, why_no_container

from bench.databases import api, auth_server


def measure(server: Server) -> None:
    """Measure each with databases of its own."""
    for each in (auth_server.measure, api.measure):
        with tempfile.TemporaryDirectory() as folder:
            database = server.new_database()
            each(Path(folder), database)
            server.drop(database)


def main() -> None:
    """Measure with the server at POSTGRESQL_URL, or with one in a container."""
    given = os.environ.get(URL)
    if given:
        measure(server_of_url(given))
        return
    reason = why_no_container()
    if reason:
        print(f"PostgreSQL is not measured: {reason}", file=sys.stderr)
        return
    container = new_container(f"postgresql-of-bench-{secrets.token_hex(4)}")
    try:
        container.run(settings=())
        measure(container.server)
    finally:
        container.remove()


main()
