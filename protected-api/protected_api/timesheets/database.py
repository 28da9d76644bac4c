"""What the store needs of a database. Not here: the two that there are (sqlite/, postgresql/)."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from protected_api.timesheets.models import Query

Row = tuple[Any, ...]
# Of a new row, in this order; the database gives it an id and leaves the rest empty.
NEW_COLUMNS = ("client_id", "department", "external_id", "user_id", "date", "project", "hours")


class Result(Protocol):
    """What a statement did: how many rows it changed, or which it found."""

    @property
    def rowcount(self) -> int:
        """Return how many rows the statement changed."""
        ...

    def fetchone(self) -> Any:
        """Return the first row, or None."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Transaction(Protocol):
    """A transaction under way."""

    def rollback(self) -> None:
        """Undo it; nothing may follow in it."""
        ...


class Database(Protocol):
    """A database of timesheets and seen proofs, with a connection for each thread.

    Whatever fails raises an `error`; then `disconnect`, because the connection may never work again.
    """

    error: type[Exception]

    def prepare(self) -> None:
        """Create what is missing in the database, and leave no connection open."""
        ...

    def check(self) -> None:
        """Raise an error if the database cannot be read and written to."""
        ...

    def disconnect(self) -> None:
        """Give up the connection of this thread."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commit what this thread does in the context, all or nothing, while no other does so."""
        ...

    def execute(self, sql: str, *values: Any) -> Result:
        """Execute a statement that both databases understand, with ? for each value."""
        ...

    def insert_missing(self, rows: Sequence[Row]) -> int:
        """Insert the rows of NEW_COLUMNS, all of one client, that are not booked; return how many."""
        ...

    def booked(self, client_id: str, external_ids: Sequence[str]) -> Iterable[Row]:
        """Return external_id, user_id, date, project and hours of those that the client has booked."""
        ...

    def page(self, columns: str, query: Query, count: int) -> Sequence[Row]:
        """Return the first `count` timesheets after the cursor that pass the filters, in the order of ids."""
        ...
