"""Access tokens by the client credentials grant (RFC 6749 4.4), cached, renewed early, one call at a time.

Made to be copied: needs requests only. Not here: attaching the token to a request, which is bearer_auth.py.
"""

import random
import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests
from requests.auth import HTTPBasicAuth

RENEWAL_LEAD = (
    60.0  # seconds before expiry at which a token is renewed; half of a life shorter than twice that
)
RENEWAL_PAUSE = 10.0  # seconds until the next try, when a renewal failed and the old token is still valid
REFUSAL_PAUSE = 15.0  # seconds after the first invalid_client; doubles with each further one
LONGEST_PAUSE = 300.0  # bound of every pause, Retry-After's too


class TokenError(Exception):
    """No token can be had: the `error` code, a sentence, the HTTP status, seconds until another try makes sense."""

    def __init__(self, error: str, description: str, status: int | None = None, pause: float = 0.0) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description, self.status, self.pause = error, description, status, pause


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; both times are readings of the source's monotonic clock."""

    value: str = field(repr=False)
    scopes: frozenset[str]
    renew_at: float
    expires_at: float


@dataclass(slots=True)
class _Slot:
    token: Token | None = None
    call: Future[Token] | None = None


@dataclass(frozen=True, slots=True)
class _Pause:
    error: TokenError
    until: float
    secret: str | None = field(repr=False)  # of a refused credential: another one need not wait


class TokenSource:
    """The tokens of one client at one issuer, kept by audience and scopes; safe to share between threads."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        secret_file: Path,
        token_url: str | None = None,
        session: requests.Session | None = None,
        timeout: tuple[float, float] = (3.0, 10.0),
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._issuer, self._client_id, self._secret_file = issuer, client_id, secret_file
        self._token_url, self._session, self._timeout = token_url, session or requests.Session(), timeout
        self._clock, self._jitter = clock, jitter
        self._lock = threading.Lock()
        self._slots: dict[tuple[str, frozenset[str]], _Slot] = {}
        self._pause: _Pause | None = None
        self._refusals = 0

    def get(self, audience: str, scopes: Iterable[str]) -> Token:
        """Return a valid token, from the cache or by the one call that all threads share; raise TokenError."""
        key = (audience, frozenset(scopes))
        with self._lock:
            slot, now = self._slots.setdefault(key, _Slot()), self._clock()
            held = slot.token if slot.token and now < slot.token.expires_at else None
            if held and (now < held.renew_at or slot.call):
                return held
            if call := slot.call:
                leader = False
            else:
                leader, call = True, Future()
                slot.call = call
        return self._lead(slot, call, key, held) if leader else call.result()

    def peek(self, audience: str, scopes: Iterable[str]) -> Token | None:
        """Return the cached token, if one is still valid, without any call."""
        with self._lock:
            slot = self._slots.get((audience, frozenset(scopes)))
            return slot.token if slot and slot.token and self._clock() < slot.token.expires_at else None

    def drop(self, token: Token) -> None:
        """Forget this token, and no newer one that has taken its place."""
        with self._lock:
            for slot in self._slots.values():
                if slot.token and slot.token.value == token.value:
                    slot.token = None

    def _lead(
        self, slot: _Slot, call: Future[Token], key: tuple[str, frozenset[str]], held: Token | None
    ) -> Token:
        try:
            token = self._fetch(*key)
        except BaseException as error:
            with self._lock:
                slot.call = None
                if held and slot.token is held:
                    slot.token = replace(held, renew_at=self._clock() + RENEWAL_PAUSE)
            call.set_exception(error)
            if held and isinstance(error, TokenError):
                return held
            raise
        with self._lock:
            slot.token, slot.call = token, None
        call.set_result(token)
        return token

    def _fetch(self, audience: str, scopes: frozenset[str]) -> Token:
        secret = self._secret()
        self._raise_if_paused(secret)
        form = {"grant_type": "client_credentials", "audience": audience, "scope": " ".join(sorted(scopes))}
        # RFC 6749 2.3.1: both parts form-encoded. As auth=, because requests lets a .netrc replace a mere header.
        basic = HTTPBasicAuth(quote_plus(self._client_id), quote_plus(secret))
        sent_at = self._clock()
        try:
            response = self._call(
                "POST", self._endpoint(), data={k: v for k, v in form.items() if v}, auth=basic
            )
            token = self._checked(response, scopes, sent_at, secret)
        except TokenError as error:
            self._remember(error, secret)
            raise
        with self._lock:
            self._pause, self._refusals = None, 0
        return token

    def _raise_if_paused(self, secret: str) -> None:
        with self._lock:
            pause, now = self._pause, self._clock()
        if pause and now < pause.until and pause.secret in (None, secret):
            known = pause.error
            raise TokenError(known.error, known.description, known.status, pause.until - now)

    def _remember(self, error: TokenError, secret: str) -> None:
        with self._lock:
            refused = error.error == "invalid_client"
            if refused:
                error.pause = max(error.pause, min(REFUSAL_PAUSE * 2**self._refusals, LONGEST_PAUSE))
                self._refusals = min(self._refusals + 1, 8)
            if error.pause:
                self._pause = _Pause(error, self._clock() + error.pause, secret if refused else None)

    def _secret(self) -> str:
        try:
            secret = self._secret_file.read_text(encoding="utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError):
            secret = ""
        if not secret:
            raise TokenError(
                "no_credential", f"the secret file {self._secret_file} is empty or cannot be read"
            )
        return secret

    def _call(self, method: str, url: str, **options: Any) -> requests.Response:
        try:  # credentials follow no redirect
            return self._session.request(method, url, allow_redirects=False, timeout=self._timeout, **options)
        except requests.RequestException as error:
            raise TokenError("unreachable", f"{url} did not answer ({type(error).__name__})") from error

    def _endpoint(self) -> str:
        if self._token_url is None:
            self._token_url = self._discover()
        return self._token_url

    def _discover(self) -> str:
        issuer = urlsplit(self._issuer)  # RFC 8414 3.1: the well-known path stands before the issuer's own
        path = "/.well-known/oauth-authorization-server" + issuer.path.rstrip("/")
        metadata = _json_object(self._call("GET", issuer._replace(path=path).geturl()))
        if metadata.get("issuer") != self._issuer:  # RFC 8414 3.3
            raise TokenError("bad_metadata", f"the metadata of {self._issuer} names another issuer")
        endpoint = metadata.get("token_endpoint")
        if not isinstance(endpoint, str) or urlsplit(endpoint).scheme not in {"https", issuer.scheme}:
            raise TokenError("bad_metadata", f"the metadata of {self._issuer} has no usable token_endpoint")
        return endpoint

    def _checked(
        self, response: requests.Response, asked: frozenset[str], sent_at: float, secret: str
    ) -> Token:
        body = _json_object(response, secret)
        value, kind, life = body.get("access_token"), body.get("token_type"), body.get("expires_in", 0)
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", value):  # RFC 6750 2.1
            raise TokenError("bad_response", "the token response has no access_token", response.status_code)
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise TokenError(
                "bad_response", "the token response's token_type is not Bearer", response.status_code
            )
        if isinstance(life, bool) or not isinstance(life, int | float) or not 0 <= life < 1e9:
            raise TokenError(
                "bad_response", "the token response's expires_in is not seconds", response.status_code
            )
        scope = body.get("scope")  # RFC 6749 5.1: absent when it is what was asked
        scopes = frozenset(scope.split()) if isinstance(scope, str) else asked
        if missing := " ".join(sorted(asked - scopes)):
            raise TokenError("missing_scope", f"the token lacks the scope {missing}", response.status_code)
        lead = min(RENEWAL_LEAD, life / 2) * (1 + self._jitter() / 10)
        return Token(value, scopes, renew_at=sent_at + life - lead, expires_at=sent_at + life)


def _json_object(response: requests.Response, secret: str = "") -> dict[str, Any]:
    """Return the body of a 200; raise TokenError with what RFC 6749 5.2 and Retry-After say otherwise."""
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    if response.status_code == 200 and isinstance(body, dict):
        return body
    said = body if isinstance(body, dict) else {}
    error, description = (_printable(said.get(name), secret) for name in ("error", "error_description"))
    after = response.headers.get("Retry-After", "")
    pause = min(float(after), LONGEST_PAUSE) if re.fullmatch("[0-9]{1,9}", after) else 0.0
    description = description or f"HTTP {response.status_code} without a usable body"
    raise TokenError(error or "bad_response", description, response.status_code, pause)


def _printable(value: object, secret: str) -> str:
    text = "".join(char for char in value if " " <= char <= "~")[:300] if isinstance(value, str) else ""
    return "" if secret and secret in text else text
