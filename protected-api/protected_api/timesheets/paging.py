"""What both databases do for a page: the filters, and the look at the ids that are next to the cursor."""

from collections.abc import Callable, Sequence

from protected_api.timesheets.database import Row
from protected_api.timesheets.models import MAX_ID, Query

FILTERS = {
    "user_id": "user_id = {}",
    "project": "project = {}",
    "from_": "date >= {}",
    "to": "date <= {}",
    "approved": "(approved_at IS NOT NULL) = {}",
}
NEAR = (4, 60)  # ids after the cursor for each timesheet of the page, read without an index if that fills it


def conditions(query: Query, placeholder: str) -> list[str]:
    """Return the SQL of the query's filters; `placeholder` has {} where the name of a value goes."""
    given = (name for name in FILTERS if getattr(query, name) is not None)
    return [FILTERS[name].format(placeholder.format(name)) for name in given]


def read_near(query: Query, count: int, read: Callable[[int], Sequence[Row]]) -> Sequence[Row] | None:
    """Return the page if the ids near the cursor fill it; `read` gets the last id that it may look at."""
    for width in NEAR:
        rows = read(min(query.cursor + width * count, MAX_ID))
        if len(rows) == count:
            return rows
        if len(rows) * NEAR[1] < count * NEAR[0]:  # so few that the second look would not fill the page
            break
    return None
