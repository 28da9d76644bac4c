"""Bring the schema up to date: numbered migrations, each applied once, by whichever process starts first.

A migration only adds: nullable columns, tables, indexes. So an earlier version goes on working on the same
database while instances are updated one by one, and may even start again. docs/decisions/migrations.md
"""

import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa
from sqlalchemy.schema import CreateColumn

from auth_server.database.engine import writing
from auth_server.database.tables import UNIX_TIME, metadata

Migration = Callable[[sa.Connection], None]

_applied = sa.Table(
    "auth_server_migrations",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_at", UNIX_TIME, nullable=False),
)


def adopt(connection: sa.Connection) -> None:
    """Create what is missing: all tables, or those and the columns that an unnumbered version lacked."""
    present = set(sa.inspect(connection).get_table_names())
    missing = [table for table in metadata.sorted_tables if table.name not in present]
    for table in metadata.sorted_tables:
        if table in missing:
            table.create(connection, checkfirst=False)
            continue
        for column in table.columns:
            if column.nullable:
                add_column(connection, column)
        connection.execute(sa.select(table).where(sa.false()))  # it is no table of another program


def add_column(connection: sa.Connection, column: sa.Column[object]) -> None:
    """Add a nullable column, unless adopt() has."""
    table = column.table.name
    present = {each["name"] for each in sa.inspect(connection).get_columns(table)}
    if column.name not in present:
        definition = CreateColumn(column).compile(connection)
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {definition}")


# The first has number 1. New ones come last; what was released stays as it is.
MIGRATIONS: tuple[Migration, ...] = (adopt,)


def migrate(engine: sa.Engine, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Apply the migrations that are missing, all or none; a later version's database stays as it is."""
    with engine.connect() as connection:
        if _last(connection) >= len(migrations):
            return
    with writing(engine) as connection:
        _applied.create(connection, checkfirst=True)
        for number in range(_last(connection) + 1, len(migrations) + 1):
            migrations[number - 1](connection)
            connection.execute(sa.insert(_applied).values(number=number, applied_at=int(time.time())))


def _last(connection: sa.Connection) -> int:
    if not sa.inspect(connection).has_table(_applied.name):
        return 0
    return connection.scalar(sa.select(sa.func.max(_applied.c.number))) or 0
