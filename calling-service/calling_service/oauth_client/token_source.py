"""Access tokens by the client credentials grant (RFC 6749 4.4): cached, renewed early, one call at a time.

Not here: what the server answers (token_request.py); a request with a token (bearer_auth.py); a client that
has a key instead of a secret (private_key_jwt.py).
"""

import random
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote_plus

import requests

from .token_request import TokenError, check_token_response, fetch_json, find_token_endpoint

__all__ = ("Token", "TokenError", "TokenSource")

RENEWAL_LEAD = 60.0  # seconds before its expiry at which a token is renewed; at most half of its life
RENEWAL_RETRY = 10.0  # seconds between a renewal that failed and the next one, while the token is valid
REFUSAL_BACK_OFF = 30.0  # seconds without a call after invalid_client, unless the secret changes
Form = dict[str, str]
Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]  # as requests wants it
Key = tuple[str, frozenset[str]]  # audience and scopes; the issuer and the client are the source's


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; its times are readings of the source's monotonic clock."""

    value: str = field(repr=False)
    scopes: frozenset[str]
    renew_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class BackOff:
    """A time in which no call is sent, because of the error that the last one brought."""

    error: TokenError
    until: float
    secret: str | None = field(repr=False)  # the one that was refused; None: it holds for every secret


@dataclass(kw_only=True, eq=False)
class TokenSource:
    """The tokens of one client at one issuer, by audience and scopes; threads may share it."""

    issuer: str
    client_id: str
    secret_file: Path
    token_url: str | None = None  # None: from the issuer's metadata (RFC 8414), at each call
    audience_parameter: str = "audience"  # or "resource" (RFC 8707), whichever name the server knows
    session: requests.Session = field(default_factory=requests.Session)
    timeout: tuple[float, float] = (3.0, 10.0)  # seconds to connect and to read
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[Key, Token] = {}
        self._pending: dict[Key, Future[Token]] = {}  # the calls that have been made and not answered
        self._back_off: BackOff | None = None

    def get(self, audience: str, scopes: Iterable[str]) -> Token:
        """Return a valid token, cached or from the one call that all threads share; raise TokenError."""
        key = (audience, frozenset(scopes))
        with self._lock:
            held = self._valid(key)
            is_pending = key in self._pending
            if held and (is_pending or self.clock() < held.renew_at):
                return held
            pending = self._pending.setdefault(key, Future())
        if is_pending:
            return pending.result()
        return self._obtain(key, pending, held)

    def peek(self, audience: str, scopes: Iterable[str]) -> Token | None:
        """Return the cached token if it is still valid; never make a call."""
        with self._lock:
            return self._valid((audience, frozenset(scopes)))

    def drop(self, token: Token) -> None:
        """Remove this token from the cache, but not one that has taken its place."""
        with self._lock:
            self._tokens = {key: kept for key, kept in self._tokens.items() if kept.value != token.value}

    def _valid(self, key: Key) -> Token | None:
        token = self._tokens.get(key)
        return token if token and self.clock() < token.expires_at else None

    def _obtain(self, key: Key, pending: Future[Token], held: Token | None) -> Token:
        """Make the call, and pass its token or its error to the threads that wait for it."""
        try:
            token = self._request(*key)
        except BaseException as error:
            with self._lock:
                del self._pending[key]
                pending.set_exception(error)
                if isinstance(error, TokenError) and held and held is self._valid(key):
                    self._tokens[key] = replace(held, renew_at=self.clock() + RENEWAL_RETRY)
                    return held
            raise
        with self._lock:
            del self._pending[key]
            self._tokens[key] = token
            pending.set_result(token)
        return token

    def _request(self, audience: str, scopes: frozenset[str]) -> Token:
        secret = self._secret()
        self._raise_during_back_off(secret)
        form = {"grant_type": "client_credentials", self.audience_parameter: audience}
        form["scope"] = " ".join(sorted(scopes))
        try:
            url = self.token_url or find_token_endpoint(self.session, self.issuer, self.timeout)
            auth, credential = self._authenticate(secret, form)
            sent_at = self.clock()
            options = {"auth": auth, "data": form, "timeout": self.timeout}
            body = fetch_json(self.session, "POST", url, credential, **options)
            value, granted, life = check_token_response(body, scopes)
        except TokenError as error:
            self._begin_back_off(error, secret)
            raise
        lead = min(RENEWAL_LEAD, life / 2) * (1 + self.jitter() / 10)
        expires_at = sent_at + life
        return Token(value, granted, expires_at - lead, expires_at)

    def _secret(self) -> str:
        with suppress(OSError, UnicodeDecodeError):
            secret = self.secret_file.read_text(encoding="utf-8").strip("\r\n")
            if secret:
                return secret
        raise TokenError("no_credential", f"the secret file {self.secret_file} is empty or unreadable")

    def _authenticate(self, secret: str, _form: Form) -> tuple[Auth, str]:
        """Return the auth of a token request, and the credential in it; a subclass may add to its form."""
        # RFC 6749 2.3.1: form-encoded first. It is an auth, since requests lets a .netrc replace a header.
        auth = requests.auth.HTTPBasicAuth(quote_plus(self.client_id), quote_plus(secret))
        return auth, secret

    def _raise_during_back_off(self, secret: str) -> None:
        back_off = self._back_off
        if back_off and back_off.secret in {None, secret} and self.clock() < back_off.until:
            error = back_off.error
            raise TokenError(error.error, error.description, error.status, back_off.until - self.clock())

    def _begin_back_off(self, error: TokenError, secret: str) -> None:
        refused_secret = None  # a Retry-After holds for every secret
        if error.error == "invalid_client":
            error.retry_after = max(error.retry_after, REFUSAL_BACK_OFF)
            refused_secret = secret  # another one may be right at once
        if error.retry_after:
            self._back_off = BackOff(error, self.clock() + error.retry_after, refused_secret)
