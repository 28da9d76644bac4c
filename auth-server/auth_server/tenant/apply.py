"""Make the database equal to the tenant file, and say what that changes. Idempotent."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, insert, select, update

from auth_server.database import apis, clients, grants
from auth_server.tenant.file import Tenant

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListedChange:
    """One change as a program reads it: `key` names the row, `values` has each member's old and new value."""

    change: str
    kind: str
    key: list[str]
    values: dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is to be added (no `old`), removed (no `new`) or changed."""

    table: Table
    old: Row | None
    new: Row | None

    def listed(self) -> ListedChange:
        """Tell the change, for a program."""
        old, new = self.old or {}, self.new or {}
        return ListedChange(
            "added" if self.old is None else "removed" if self.new is None else "changed",
            self.table.name.removesuffix("s"),
            [(new or old)[column.name] for column in self.table.primary_key],
            {name: [old[name], new[name]] for name in new if old and old[name] != new[name]},
        )

    def __str__(self) -> str:
        """Write the change as one line of a diff."""
        listed = self.listed()
        sign = {"added": "+", "removed": "-", "changed": "~"}[listed.change]
        values = ", ".join(
            f"{name}: {_text(old)} -> {_text(new)}" for name, (old, new) in listed.values.items()
        )
        return " ".join([sign, listed.kind, *listed.key]) + (f" ({values})" if values else "")

    def write(self, connection: Connection) -> None:
        """Write the change to the database."""
        row = self.old or self.new or {}
        this_row = and_(*(column == row[column.name] for column in self.table.primary_key))
        if self.new is None:
            connection.execute(delete(self.table).where(this_row))
        elif self.old is None:
            connection.execute(insert(self.table).values(self.new))
        else:
            connection.execute(update(self.table).where(this_row).values(self.new))


def apply_tenant(connection: Connection, tenant: Tenant) -> list[Change]:
    """Make the database equal to the tenant and return what changed."""
    changes = differences(connection, tenant)
    for change in changes:
        change.write(connection)
    return changes


def differences(connection: Connection, tenant: Tenant) -> list[Change]:
    """Find the changes, in an order that the foreign keys allow."""
    declared = ((apis, tenant.apis), (clients, tenant.clients), (grants, tenant.grants))
    changes = [change for table, rows in declared for change in _compare(connection, table, rows)]
    return [change for change in changes if change.new] + [
        change for change in reversed(changes) if not change.new
    ]


def _compare(connection: Connection, table: Table, rows: Iterable[Row]) -> Iterator[Change]:
    def key(row: Row) -> tuple[Any, ...]:
        return tuple(row[column.name] for column in table.primary_key)

    stored = {key(row): row for row in (dict(row) for row in connection.execute(select(table)).mappings())}
    declared = {key(row): row for row in rows}
    for found in sorted(stored.keys() | declared.keys()):
        old, new = stored.get(found), declared.get(found)
        if old != new:
            yield Change(table, old, new)


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
