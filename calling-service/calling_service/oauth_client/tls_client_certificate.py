"""Access tokens for a client with a TLS certificate, and the connections that present it (RFC 8705 2 and 3).

The tokens are bound to the certificate, so the session for the API must present it too.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter

from .token_request import Auth, Form
from .token_source import Token, TokenSource


@dataclass(kw_only=True, eq=False)
class CertificateTokenSource(TokenSource):
    """A token source whose `session` presents the certificate in `secret_file` (see `present`)."""

    mtls: bool = True
    _version: int = field(default=0, init=False)  # of the file

    def get(self, audience: str, scopes: Iterable[str]) -> Token:
        """Return a token that is bound to the certificate of now; raise TokenError."""
        with suppress(OSError):
            version = self.secret_file.stat().st_mtime_ns
            with self._lock:
                if version != self._version:
                    self._tokens = {}
                    self._version = version
        return super().get(audience, scopes)

    def _authenticate(self, _secret: str, form: Form) -> tuple[Auth, str]:
        form |= {"client_id": self.client_id}  # RFC 8705 2: it must be there
        return _add_no_header, ""  # a certificate is public


def present(session: requests.Session, certificate_file: Path, key_file: Path) -> None:
    """Let the https connections of a session present a certificate; the files are PEM, without a password."""
    adapter = session.get_adapter("https://")
    session.mount("https://", CertificateAdapter(adapter, (certificate_file, key_file)))


@dataclass(eq=False)
class CertificateAdapter(BaseAdapter):
    """Sends requests through another adapter, with a certificate and its key, which may be renewed.

    When a file has changed, no connection with the certificate before is used again.
    """

    adapter: BaseAdapter
    files: tuple[Path, Path]
    _version: tuple[int, ...] = field(default=(), init=False)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send the request; raise what requests raises, also if a file cannot be read."""
        try:
            version = tuple(file.stat().st_mtime_ns for file in self.files)
        except OSError as error:
            raise requests.ConnectionError(f"no client certificate: {error}", request=request) from error
        if version != self._version:
            self._version = version
            self.adapter.close()  # its connections; later requests open others
        certificate, key = map(str, self.files)
        response = self.adapter.send(request, **options | {"cert": (certificate, key)})
        response.connection = self  # type: ignore[assignment]  # where an auth sends a request again
        return response

    def close(self) -> None:
        """Close the connections."""
        self.adapter.close()


def _add_no_header(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request; as its auth, this keeps requests from looking for credentials in a .netrc."""
    return request
