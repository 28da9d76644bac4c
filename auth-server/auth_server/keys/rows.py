"""The rows of the signing keys: reading, changing and deleting them, within the transaction of the caller."""

from typing import Any

from sqlalchemy import Connection, delete, select, update

from auth_server.database.tables import signing_keys
from auth_server.keys.life import KeySet, StoredKey


def read_keys(connection: Connection) -> KeySet:
    """Return all keys."""
    return KeySet(StoredKey(**row) for row in connection.execute(select(signing_keys)).mappings())


def update_key(connection: Connection, key: StoredKey, **values: Any) -> None:
    """Change these columns of a key."""
    connection.execute(update(signing_keys).where(signing_keys.c.kid == key.kid).values(values))


def forget_keys(connection: Connection, keys: KeySet, alg: str, now: int) -> None:
    """Delete the keys that are over, up to the first that is not: a gap would change that key's life."""
    counting = [life.key.generation for life in keys.lives if life.key.alg == alg and not life.is_over(now)]
    over = (signing_keys.c.alg == alg) & (signing_keys.c.generation < min(counting))
    connection.execute(delete(signing_keys).where(over))
