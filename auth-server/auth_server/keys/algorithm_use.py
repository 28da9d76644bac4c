"""Which algorithm signs the tokens of each API: the declared one, or the one before while it is still new.

Not here: when verifiers know a key (keys/store.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from auth_server.command_output import as_time
from auth_server.database.tables import alg_of_tokens, algorithm_changes, apis
from auth_server.keys.life import PUBLISHED, State
from auth_server.keys.rows import read_keys, update_key

# Seconds for which a worker may still sign with an algorithm that is not needed any more: CACHE_TTL is at
# most this, and the clocks of hosts differ.
REMEMBERED = 60


@dataclass(frozen=True, slots=True)
class AlgorithmChange:
    """An API whose declared algorithm does not sign yet; `until` in Unix time."""

    audience: str
    former_alg: str
    alg: str
    until: int

    def listed(self) -> dict[str, object]:
        """Return the change for a program, as the changes of the tenant are."""
        values = {"signing_alg": [self.former_alg, self.alg]}
        return {"change": "waits", "kind": "api", "key": [self.audience], "values": values} | {
            "until": as_time(self.until)
        }

    def __str__(self) -> str:
        """Return the change as one line."""
        times = f"{self.former_alg} signs until {as_time(self.until)} and {self.alg} after that"
        return f"{self.audience}: {times}, because verifiers must learn its key first"


def declared_algs(connection: Connection) -> dict[str, str]:
    """Return the declared algorithm of each API."""
    return {row.identifier: row.signing_alg for row in connection.execute(select(apis))}


def signing_algs(connection: Connection, now: float) -> dict[str, str]:
    """Return the algorithm that signs the tokens of each API now."""
    query = select(apis.c.identifier, alg_of_tokens(now).label("alg"))
    rows = connection.execute(query.select_from(apis.outerjoin(algorithm_changes)))
    return {row.identifier: row.alg for row in rows}


def changes(connection: Connection, now: float) -> list[AlgorithmChange]:
    """Return the APIs whose declared algorithm does not sign yet."""
    query = select(algorithm_changes, apis.c.signing_alg).join_from(algorithm_changes, apis)
    waiting = query.where(algorithm_changes.c.signs_until > int(now)).order_by(algorithm_changes.c.audience)
    return [
        AlgorithmChange(row.audience, row.former_alg, row.signing_alg, row.signs_until)
        for row in connection.execute(waiting)
    ]


def write_changes(
    connection: Connection, before: Mapping[str, str], known_from: Mapping[str, int], now: int
) -> None:
    """Let each API whose algorithm differs from the one before keep that until the new one is known."""
    connection.execute(delete(algorithm_changes))
    for audience, alg in declared_algs(connection).items():
        former = before.get(audience, alg)
        if former != alg and known_from[alg] > now:
            row = {"audience": audience, "former_alg": former, "signs_until": known_from[alg]}
            connection.execute(insert(algorithm_changes).values(row))


def need(connection: Connection, alg: str, now: int) -> None:
    """Take back that an algorithm is not needed any more, for the keys that verifiers still know."""
    for life in read_keys(connection).of(alg, now, *PUBLISHED):
        if life.key.unused_from is not None:
            update_key(connection, life.key, unused_from=None)


def need_no_more(connection: Connection, alg: str, now: int) -> None:
    """Let an algorithm that no API declares sign while an API still waits for its new one, or end now."""
    waiting = [change.until for change in changes(connection, now) if change.former_alg == alg]
    for life in read_keys(connection).of(alg, now, State.CURRENT, State.NEXT):
        end = max(waiting, default=now) + REMEMBERED
        if not waiting and life.key.unused_from is not None:
            end = min(end, life.key.unused_from)
        update_key(connection, life.key, unused_from=end)
