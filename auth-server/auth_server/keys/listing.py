"""The signing keys as an operator sees them: what each is now, and until when."""

from collections.abc import Iterator
from dataclasses import dataclass

from auth_server.command_output import as_time
from auth_server.keys.life import KeySet

COLUMNS = {
    "KEY": "kid",
    "ALG": "alg",
    "STATE": "state",
    "ANNOUNCED": "announced_at",
    "SIGNS FROM": "signs_from",
    "PUBLISHED UNTIL": "published_until",
}


@dataclass(frozen=True, slots=True)
class ListedKey:
    """One key; times in RFC 3339, None where they are not known yet."""

    kid: str
    alg: str
    state: str
    announced_at: str | None
    signs_from: str | None
    signs_until: str | None
    published_until: str | None


def list_keys(keys: KeySet, now: float) -> Iterator[ListedKey]:
    """Yield every stored key, the latest of each algorithm first."""
    for life in keys.lives:
        yield ListedKey(
            kid=life.key.kid,
            alg=life.key.alg,
            state=life.state(now),
            announced_at=as_time(life.key.announced_at),
            signs_from=as_time(life.key.signs_from),
            signs_until=as_time(life.signs_until),
            published_until=as_time(life.published_until),
        )
