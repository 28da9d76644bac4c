"""Which timesheets are on a page, found at a cost that does not grow with the table.

A page is in the order of ids. An index of users over all timesheets would give that order, but each upload
would write into as many places of it as it has users. So the indexes begin with a block, which is 131,072
consecutive ids: an upload writes into the last block alone, and a read looks into one block after the other,
about a microsecond each. Not here: what a row means (store.py).
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from protected_api.sqlite.blocks import APPROVED, FIRST_DATE, LAST_DATE, PENDING, Blocks
from protected_api.timesheets.database import Row
from protected_api.timesheets.models import MAX_ID, Query
from protected_api.timesheets.paging import conditions, read_near

# SQLite sorts the ids of one block at a time, and looks into no further block once the page is full.
IN_BLOCKS = """
SELECT id FROM timesheets INDEXED BY timesheets_of_block_by_{name}
WHERE id >> 17 IN (SELECT value FROM json_each(:blocks)) AND {where}
ORDER BY id >> 17, id LIMIT :count
"""
NEXT_BLOCK = """
SELECT value FROM json_each(:blocks) AS block
WHERE EXISTS (
    SELECT 1 FROM {timesheets} AND timesheets.id >> 17 = block.value AND date BETWEEN :from_ AND :to
) LIMIT 1
"""
# The index has the ids of each date of a block in order, and this merges them. `found` is a queue: it begins
# with the first id of each date; then the lowest id leaves it, and the next id of the same date enters.
BY_DATE = """
WITH RECURSIVE
block(number) AS (SELECT value FROM json_each(:blocks)),
day(block, date) AS (
    SELECT number, (SELECT min(date) FROM {timesheets} AND id >> 17 = number AND date >= :from_) FROM block
    UNION ALL
    SELECT block, (SELECT min(date) FROM {timesheets} AND id >> 17 = day.block AND date > day.date)
    FROM day WHERE day.date < :to
),
found(id, block, date) AS (
    SELECT (
        SELECT min(id) FROM {timesheets} AND id >> 17 = day.block AND date = day.date AND id > :cursor
    ), block, date FROM day WHERE date <= :to
    UNION ALL
    SELECT (
        SELECT min(id) FROM {timesheets} AND id >> 17 = found.block AND date = found.date AND id > found.id
    ), block, date FROM found WHERE id IS NOT NULL
    ORDER BY 1 NULLS LAST LIMIT :count
)
SELECT id FROM found WHERE id IS NOT NULL
"""
Values = dict[str, Any]


def read_page(
    connection: sqlite3.Connection, blocks: Blocks, columns: str, query: Query, count: int
) -> Sequence[Row]:
    """Return the first `count` timesheets after the cursor that pass the filters; `columns` begin with id."""
    wanted = conditions(query, ":{}")
    values = vars(query) | {"count": count}  # dict(query) takes several microseconds
    where = " AND ".join(["id > :cursor", "id <= :near", *wanted])
    near = f"SELECT {columns} FROM timesheets NOT INDEXED WHERE {where} ORDER BY id LIMIT :count"  # noqa: S608

    def read(last: int) -> list[Row]:
        return connection.execute(near, {**values, "near": last}).fetchall()

    if not wanted:
        return read(MAX_ID)
    numbers = blocks.of_query(connection, query)
    if query.cursor >> 17 in numbers:
        rows = read_near(query, count, read)
        if rows is not None:
            return rows
    values |= {"from_": query.from_ or FIRST_DATE, "to": query.to or LAST_DATE}
    of_ids = f"SELECT {columns} FROM timesheets WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"  # noqa: S608
    with connection:  # a page that lacks a row deleted meanwhile would look like the last one
        connection.execute("BEGIN")
        ids = sorted(_find(connection, query, " AND ".join(wanted), numbers, values))
        return connection.execute(of_ids, [json.dumps(ids[:count])]).fetchall()


def _find(
    connection: sqlite3.Connection, query: Query, where: str, blocks: Sequence[int], values: Values
) -> Iterator[int]:
    """Yield the ids of the page, in any order, and perhaps some of the pages after it."""
    if query.user_id is not None or query.project is not None:
        if query.cursor >> 17 in blocks:  # the blocks after it have no ids up to the cursor
            where += " AND id > :cursor"
        if query.approved is None and (query.from_ is not None or query.to is not None):
            where += " AND (approved_at IS NOT NULL) IN (0, 1)"  # it stands before the date in the index
        name = "user"
        if query.user_id is None:
            name = "project"
        yield from _ids(connection, IN_BLOCKS.format(name=name, where=where), blocks, values)
        return
    approved = values["approved"]
    if not approved:
        yield from _find_by_date(connection, PENDING, blocks, values)
    if approved is not False:
        yield from _find_by_date(connection, APPROVED, blocks, values)


def _find_by_date(
    connection: sqlite3.Connection, timesheets: str, blocks: Sequence[int], values: Values
) -> Iterator[int]:
    """Yield ids from one block, then from two, and so on, until there are enough or no block has more."""
    next_block = NEXT_BLOCK.format(timesheets=timesheets)
    by_date = BY_DATE.format(timesheets=timesheets)
    missing: int = values["count"]
    width = 1
    while missing > 0:
        next_blocks = _ids(connection, next_block, blocks, values)
        if not next_blocks:
            return
        blocks = blocks[blocks.index(next_blocks[0]) :]
        ids = _ids(connection, by_date, blocks[:width], values)
        yield from ids
        missing -= len(ids)
        blocks = blocks[width:]
        width *= 2


def _ids(connection: sqlite3.Connection, sql: str, blocks: Sequence[int], values: Values) -> list[int]:
    return [row[0] for row in connection.execute(sql, {**values, "blocks": json.dumps(blocks)})]
