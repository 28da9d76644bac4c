"""The blocks that a read looks into: a block is 131,072 consecutive ids, by which the indexes begin.

Each process looks up the first and the last date of a full block once and remembers them. They stay right:
ids only grow, a date never changes, a deletion can only narrow them, and no process runs while a backup is
restored. Not here: the page (pages.py).
"""

import sqlite3

from protected_api.timesheets.models import Query

PENDING = "timesheets INDEXED BY pending_timesheets_of_block_by_date WHERE approved_at IS NULL"
APPROVED = "timesheets INDEXED BY approved_timesheets_of_block_by_date WHERE approved_at IS NOT NULL"
FIRST_DATE = "0001-01-01"
LAST_DATE = "9999-12-31"
# Four searches in an index. An empty block has no dates: '' is before all of them.
DATES = f"""
SELECT coalesce(min(first), ''), coalesce(max(last), '') FROM (
    SELECT (SELECT min(date) FROM {PENDING} AND id >> 17 = :block) AS first,
           (SELECT max(date) FROM {PENDING} AND id >> 17 = :block) AS last
    UNION ALL
    SELECT (SELECT min(date) FROM {APPROVED} AND id >> 17 = :block),
           (SELECT max(date) FROM {APPROVED} AND id >> 17 = :block)
)
"""  # noqa: S608  all literals


class Blocks:
    """The blocks of a database."""

    def __init__(self) -> None:
        self._dates: tuple[tuple[str, str], ...] = ()  # the first and the last date of each full block

    def of_query(self, connection: sqlite3.Connection, query: Query) -> list[int]:
        """Return the numbers of the blocks that may have the query's dates, from that of the cursor on."""
        last = _last_block(connection)
        numbers = range(query.cursor >> 17, last + 1)
        if query.from_ is None and query.to is None:
            return list(numbers)
        from_ = query.from_ or FIRST_DATE
        to = query.to or LAST_DATE
        dates = (*self._dates_of_full(connection, last), (FIRST_DATE, LAST_DATE))
        return [each for each in numbers if dates[each][0] <= to and from_ <= dates[each][1]]

    def _dates_of_full(self, connection: sqlite3.Connection, count: int) -> tuple[tuple[str, str], ...]:
        """Return the first and the last date of the first `count` blocks, which are full."""
        known = self._dates
        if len(known) < count:
            new = (_dates(connection, each) for each in range(len(known), count))
            known = (*known, *new)
            self._dates = known  # another thread may do the same, with the same result
        return known[:count]


def _last_block(connection: sqlite3.Connection) -> int:
    """Return the number of the block with the newest timesheet: those before it are full."""
    number: int = connection.execute("SELECT coalesce(max(id), 0) >> 17 FROM timesheets").fetchone()[0]
    return number


def _dates(connection: sqlite3.Connection, block: int) -> tuple[str, str]:
    dates: tuple[str, str] = connection.execute(DATES, {"block": block}).fetchone()
    return dates
