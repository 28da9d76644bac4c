"""Ask the authorization server whether a token is still active, RFC 7662. Not here: which routes ask."""

import base64
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_plus, urlencode

from .issuer_documents import find_endpoint
from .json_over_http import TIMEOUT, Call


class Introspection:
    """One introspection endpoint, asked as one client; without a URL the issuer's metadata name it."""

    def __init__(
        self,
        issuer: str,
        url: str | None,
        client_id: str,
        secret_file: str,
        *,
        call: Call,
        traceparent: Callable[[], str],
    ) -> None:
        self._issuer, self._url, self._call, self._traceparent = issuer, url, call, traceparent
        self._client_id, self._secret_file = client_id, Path(secret_file)

    def active(self, compact: str) -> bool:
        """Return whether the token is active; raise OSError or ValueError if that cannot be learnt."""
        deadline = time.monotonic() + TIMEOUT
        url = self._url or find_endpoint(self._issuer, "introspection_endpoint", deadline, self._call)
        form = urlencode({"token": compact, "token_type_hint": "access_token"})
        answer = self._call("POST", url, deadline, form, self._headers())
        if not isinstance(answer, dict) or not isinstance(active := answer.get("active"), bool):
            raise ValueError("not an introspection response")  # noqa: TRY004  (the server's fault)
        self._url = url  # it works: no need to look it up again
        return active

    def _headers(self) -> dict[str, str]:
        secret = self._secret_file.read_text().strip()  # read each time: a rotated secret needs no restart
        # RFC 6749 2.3.1: form-encode, then Basic.
        credentials = f"{quote_plus(self._client_id)}:{quote_plus(secret)}"
        return {
            "Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "traceparent": self._traceparent(),
        }
