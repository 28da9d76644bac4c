"""Each client assertion counts once (RFC 7523 3): a unique row, so that no two workers can both be first."""

import hashlib
from dataclasses import dataclass

from auth_server.expiring_rows import ExpiringRows


@dataclass(frozen=True, slots=True)
class SeenAssertions:
    """Remembers assertions until they expire, in rows of the table of this name."""

    rows: ExpiringRows

    def record(self, client_id: str, jti: str, expires_at: int) -> bool:
        """Record an assertion; return whether it is the client's first with this jti."""
        # A digest, because a jti is any JSON string: of any length, and even with half a surrogate pair.
        digest = hashlib.sha256(jti.encode(errors="surrogatepass")).digest()
        return self.rows.add({"client_id": client_id, "jti_digest": digest, "expires_at": expires_at})
