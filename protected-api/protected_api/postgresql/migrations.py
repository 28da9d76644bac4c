"""The tables in PostgreSQL, and how a database gets them, whoever starts first.

While instances of a new release start one by one, those of the release before go on, so a script only adds.
"""

from collections.abc import Sequence

from psycopg import Connection, NotSupportedError

from protected_api.timesheets.database import Row

# Each script brings a database from the version before to its own (timesheets_schema).
# COLLATE "C" orders and compares text by its bytes, whatever the locale of the database is.
MIGRATIONS = (
    """
    CREATE TABLE timesheets (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- without a cache: ids follow one another
        client_id text COLLATE "C" NOT NULL, external_id text COLLATE "C" NOT NULL,
        user_id text COLLATE "C" NOT NULL, date text COLLATE "C" NOT NULL, project text COLLATE "C" NOT NULL,
        hours integer NOT NULL,  -- in hundredths
        department text COLLATE "C", approved_by text COLLATE "C", approved_at text COLLATE "C",
        UNIQUE (client_id, external_id)
    );
    -- What each of these is for: pages.py.
    CREATE INDEX timesheets_of_block_by_user
        ON timesheets ((id >> 14), user_id, (approved_at IS NOT NULL), date, project);
    CREATE INDEX timesheets_of_block_by_project
        ON timesheets ((id >> 14), project, (approved_at IS NOT NULL), date);
    CREATE INDEX timesheets_of_block_by_date
        ON timesheets ((id >> 14), (approved_at IS NOT NULL), date);
    CREATE TABLE seen_proofs (
        expires_at bigint NOT NULL, digest bytea NOT NULL,
        PRIMARY KEY (expires_at, digest)  -- a proof that comes again expires at the same time
    );
    """,
)
VERSION = "SELECT version FROM timesheets_schema"


def migrate(connection: Connection[Row], lock: str, scripts: Sequence[str] = MIGRATIONS) -> None:
    """Bring the database to the version of this code, in the transaction under way; `lock` locks out others.

    A database of a newer release is left as it is.
    """
    [encoding] = connection.execute("SHOW server_encoding").fetchone() or [""]
    if encoding != "UTF8":
        raise NotSupportedError(f"its encoding is {encoding}, where names need UTF8")
    connection.execute(lock)
    # Whoever waits to change a table holds up everybody who comes after: a start fails rather than do that.
    connection.execute("SET LOCAL lock_timeout = '3s'")
    connection.execute("CREATE TABLE IF NOT EXISTS timesheets_schema (version integer NOT NULL)")
    row = connection.execute(VERSION).fetchone()
    if row is None:
        connection.execute("INSERT INTO timesheets_schema VALUES (0)")
    version = row[0] if row else 0
    for number, script in enumerate(scripts[version:], version + 1):
        connection.execute(script)
        connection.execute("UPDATE timesheets_schema SET version = %s", (number,))
