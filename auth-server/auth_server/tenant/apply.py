"""Make the database equal to the tenant file, and say what changes. Applying twice changes nothing more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, insert, select, update

from auth_server.database.tables import apis, clients, federated_subjects, grants
from auth_server.tenant.reading import Rows, Tenant

Row = dict[str, Any]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@dataclass(frozen=True, slots=True)
class Change:
    """One row to add (without `old`), to remove (without `new`) or to change."""

    table: Table
    old: Row | None
    new: Row | None

    def listed(self) -> dict[str, Any]:
        """Return the change for a program: `values` has the old and the new value of each changed member."""
        old = self.old or {}
        new = self.new or {}
        change = "added" if new else "removed"
        if old and new:
            change = "changed"
        values = {name: [old[name], new[name]] for name in new if old and old[name] != new[name]}
        key = list(_key(self.table, new or old))
        return {"change": change, "kind": self.table.name.removesuffix("s"), "key": key, "values": values}

    def __str__(self) -> str:
        """Return the change as one line of a diff."""
        listed = self.listed()
        line = " ".join([_SIGNS[listed["change"]], listed["kind"], *listed["key"]])
        changed = [f"{name}: {_text(old)} -> {_text(new)}" for name, (old, new) in listed["values"].items()]
        if changed:
            line += f" ({', '.join(changed)})"
        return line

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
    """Make the database equal to the tenant; return what changed."""
    changes = differences(connection, tenant)
    for change in changes:
        change.write(connection)
    return changes


def differences(connection: Connection, tenant: Tenant) -> list[Change]:
    """Return the changes in an order that the foreign keys allow: removed rows come last, grants first."""
    declared = (
        (apis, tenant.apis),
        (clients, tenant.clients),
        (federated_subjects, tenant.federated_subjects),
        (grants, tenant.grants),
    )
    changes = [change for table, rows in declared for change in _compare(connection, table, rows)]
    kept = [change for change in changes if change.new]
    removed = [change for change in reversed(changes) if not change.new]
    return kept + removed


def _compare(connection: Connection, table: Table, rows: Rows) -> Iterator[Change]:
    stored_rows = [dict(row) for row in connection.execute(select(table)).mappings()]
    stored = {_key(table, row): row for row in stored_rows}
    declared = {_key(table, row): row for row in rows}
    for key in sorted(stored.keys() | declared.keys()):
        if stored.get(key) != declared.get(key):
            yield Change(table, stored.get(key), declared.get(key))


def _key(table: Table, row: Row) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
