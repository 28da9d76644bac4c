"""One API at the suite's issuer, with a clock that moves for both."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interop.api_program import ApiProgram
from interop.clock import Clock, library
from interop.environments import prepare
from interop.issuer import JWKS_PATH, Issuer, Key
from interop.rows import Row

AUDIENCE = "http://localhost:9001"
SCOPE = "read:timesheets"
DAY = 86400


@dataclass
class Trial:
    """A running API and the issuer of its tokens; `main` signs them, `other` is of another algorithm."""

    api: ApiProgram
    issuer: Issuer
    clock: Clock
    main: Key
    other: Key

    def status(self, key: Key, **claims: Any) -> int:
        """Return what the API answers to a token."""
        return self.api.call(f"Bearer {self.issuer.token(key, **claims)}")[0]

    def must_take_a_good_token(self) -> None:
        """Raise an error unless the API takes a good token."""
        assert self.status(self.main) == 200, "a good token is refused"

    def wait(self, seconds: int) -> None:
        """Let everybody's clock be so many seconds ahead."""
        self.clock.move(seconds)
        self.issuer.skew = seconds


@contextmanager
def trial(row: Row, checks: str, alg: str = "RS256") -> Iterator[Trial]:
    """Start a row's program, whose tokens are signed by one algorithm."""
    with tempfile.TemporaryDirectory() as folder, Issuer(AUDIENCE, SCOPE) as issuer:
        clock = Clock(library(), Path(folder) / "clock")
        main = Key(alg)
        other = Key("RS256" if alg != "RS256" else "ES256")
        issuer.publish(main, other)
        variables = {
            "ISSUER": issuer.url,
            "JWKS_URI": issuer.url + JWKS_PATH,
            "AUDIENCE": AUDIENCE,
            "SCOPE": SCOPE,
            "ALGORITHM": alg,
            "CHECKS": checks,
            "INTROSPECTION_SECRET": "of the suite",
        }
        with ApiProgram(prepare(row), row, variables | clock.variables) as api:
            yield Trial(api, issuer, clock, main, other)
