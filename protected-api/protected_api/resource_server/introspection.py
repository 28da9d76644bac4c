"""Ask the authorization server whether a token is still active (RFC 7662). Not here: which routes ask."""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode

from .issuer_documents import find_endpoint
from .json_over_http import TIMEOUT, Call


@dataclass(eq=False)
class Introspection:
    """The introspection endpoint of an issuer, asked as one client; without a `url`, metadata names it."""

    issuer: str
    url: str | None
    client_id: str
    secret_file: str
    call: Call
    more_headers: Callable[[], Mapping[str, str]] = dict  # such as a traceparent

    def active(self, compact: str) -> bool:
        """Return whether the token is active; raise OSError or ValueError if the server does not say."""
        return bool(self.answer(compact)["active"])

    def answer(self, compact: str) -> dict[str, Any]:
        """Return the introspection response, whose `active` is true or false; raise OSError or ValueError."""
        deadline = time.monotonic() + TIMEOUT
        url = self.url or find_endpoint(self.issuer, "introspection_endpoint", deadline, self.call)
        form = urlencode({"token": compact, "token_type_hint": "access_token"})
        answer = self.call("POST", url, deadline, form, self._headers())
        if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
            raise ValueError("not an introspection response")  # noqa: TRY004  (the server's fault)
        self.url = url  # it works: no need to look it up again
        return answer

    def _headers(self) -> dict[str, str]:
        # Each time: a rotated secret needs no restart. Editors of Windows put a byte order mark before it.
        secret = Path(self.secret_file).read_text("utf-8-sig").strip()
        # RFC 6749 2.3.1: form-encode, then Basic.
        credentials = f"{quote_plus(self.client_id)}:{quote_plus(secret)}"
        return {
            "Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            **self.more_headers(),
        }
