"""The two servers of the flow, as the explorer reaches them and as people do."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the authorization server and the API are, and the credentials of the gallery's clients."""

    issuer: str
    issuer_url: str  # where the endpoints of the authorization server begin, seen from here
    api_url: str
    audience: str
    credentials: Path  # a folder with a file for each client, named after it
    timeout: tuple[float, float]  # connect, read, in seconds
    ca_file: Path | None = None  # None: the public CAs
    certificate: tuple[Path, Path] | None = None  # of the job, and its key
    overlay: str = ""  # what the stack has besides the base, for the cases that need it

    def public_addresses(self) -> dict[str, str]:
        """Return where the two servers are reached from the host, by where they are reached from here."""
        return {self.issuer_url: self.issuer, self.api_url: self.audience}
