"""Which timesheets are on a page, found at a cost that does not grow with the table.

A page is in the order of ids. The indexes begin with a block, which is 16,384 consecutive ids, and a read
goes from block to block until the page is full: each costs about four microseconds, and in the last one what
the filters accept is sorted. Not here: what a row means (timesheets/store.py).
"""

from collections.abc import Sequence

from psycopg import Connection

from protected_api.timesheets.database import Row
from protected_api.timesheets.models import MAX_ID, Query
from protected_api.timesheets.paging import conditions, read_near

NEAR = """
SELECT {columns} FROM timesheets
WHERE id > %(cursor)s AND id <= %(near)s AND {where} ORDER BY id LIMIT %(count)s
"""
# OFFSET 0 keeps the planner from moving a filter or a sort across it: with ORDER BY id beside the filters, it
# would read the table in the order of ids. One statement, because a page is of one moment: a row that was
# deleted meanwhile would make it look like the last page.
IN_BLOCKS = """
WITH RECURSIVE walk (block, ids, missing) AS (
    SELECT %(cursor)s::bigint >> 14, ARRAY[]::bigint[], %(count)s::bigint
    UNION ALL
    SELECT walk.block + 1, found.ids, walk.missing - cardinality(found.ids)
    FROM walk CROSS JOIN LATERAL (
        SELECT ARRAY(
            SELECT id FROM (
                SELECT id FROM timesheets
                WHERE id >> 14 = walk.block AND id > %(cursor)s AND {where} OFFSET 0
            ) AS accepted ORDER BY id LIMIT %(count)s
        ) AS ids OFFSET 0
    ) AS found
    WHERE walk.missing > 0 AND walk.block <= (SELECT max(id) >> 14 FROM timesheets)
)
SELECT {columns} FROM timesheets
WHERE id = ANY (ARRAY(SELECT unnest(ids) FROM walk)) ORDER BY id LIMIT %(count)s
"""


def read_page(connection: Connection[Row], columns: str, query: Query, count: int) -> Sequence[Row]:
    """Return the first `count` timesheets after the cursor that pass the filters."""
    wanted = conditions(query, "%({})s")
    values = vars(query) | {"count": count}  # dict(query) takes several microseconds
    near = NEAR.format(columns=columns, where=" AND ".join(wanted) or "true")

    def read(last: int) -> list[Row]:
        return connection.execute(near, {**values, "near": last}).fetchall()

    if not wanted:
        return read(MAX_ID)
    rows = read_near(query, count, read)
    if rows is not None:
        return rows
    accepted = " AND ".join(wanted)
    if query.approved is None:  # it stands before the date in the indexes
        accepted += " AND (approved_at IS NOT NULL) = ANY ('{true,false}')"
    if query.user_id is not None:  # no index of projects: a person has fewer timesheets than a project
        accepted = accepted.replace("project =", "project || '' =")
    statement = IN_BLOCKS.format(columns=columns, where=accepted)
    return connection.execute(statement, values).fetchall()
