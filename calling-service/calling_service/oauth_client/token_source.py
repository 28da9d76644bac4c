"""Access tokens by the client credentials grant (RFC 6749 4.4): cached, renewed early, one call at a time.

Not here: the server's answers (token_request.py), a request with a token (bearer_auth.py), other credentials.
"""

import random
import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import requests

from .access_token import Moment, Token
from .back_off import BackOff, back_off_after
from .credential_file import read_credential
from .fork import tell_after_fork
from .refused_tokens import RefusedTokens
from .token_request import Auth, TokenError, check_token_response, fetch_json, find_token_endpoint, grant_form
from .token_retry import try_again

if TYPE_CHECKING:
    from .dpop import DpopKey

__all__ = ("Token", "TokenError", "TokenSource")

RENEWAL_LEAD = 60.0  # seconds before its expiry at which a token is renewed; at most half of its life
RENEWAL_RETRY = 10.0  # seconds between a renewal that failed and the next one, while the token is valid
CONTROL = re.compile("[\x00-\x1f\x7f]")
Key = tuple[str, frozenset[str]]  # audience and scopes; the issuer and the client are the source's


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
    default_life: float = 300.0  # seconds that a token counts as valid if the server does not say
    retries: int = 0  # of a token request, each time as a new one (token_retry.py)
    dpop: "DpopKey | None" = None  # the key that tokens are bound to (dpop.py); None: bearer tokens
    mtls: bool = False  # whether the session presents a TLS certificate (tls_client_certificate.py)
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[Key, Token] = {}
        self._pending: dict[Key, Future[Token]] = {}  # the calls that have been made and not answered
        self._back_off: BackOff | None = None
        self._refused = RefusedTokens()
        tell_after_fork(self)

    def begin_in_child(self) -> None:
        """Keep the tokens after a fork, and nothing that a thread of the parent would have to release."""
        self._lock = threading.Lock()
        self._pending = {}

    def get(self, audience: str, scopes: Iterable[str]) -> Token:
        """Return a valid token, cached or from the one call that all threads share; raise TokenError."""
        key = (audience, frozenset(scopes))
        with self._lock:
            held = self._valid(key)
            is_pending = key in self._pending
            if held and (is_pending or held.received_at.is_within(held.renew_after, self.now())):
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
            self._tokens = {key: kept for key, kept in self._tokens.items() if kept != token}

    def was_refused(self, token: Token) -> bool:
        """Return whether this token was kept although an API refused it."""
        return self._refused.was_kept(token)

    def drop_refused(self, token: Token, *, again: bool) -> bool:
        """Remove a token that an API refused, or keep it for now; return whether it was removed."""
        if self._refused.keeps(token, self.now(), again=again):
            return False
        self.drop(token)
        return True

    def now(self) -> Moment:
        """Return what both clocks say."""
        return Moment(self.clock(), self.wall_clock())

    def _valid(self, key: Key) -> Token | None:
        token = self._tokens.get(key)
        return token if token and token.is_valid(self.now()) else None

    def _obtain(self, key: Key, pending: Future[Token], held: Token | None) -> Token:
        """Make the call, and pass its token or its error to the threads that wait for it."""
        try:
            token = self._request(*key)
        except BaseException as error:
            with self._lock:
                del self._pending[key]
                pending.set_exception(error)
                if isinstance(error, TokenError) and held and held is self._valid(key):
                    age = held.received_at.seconds_until(self.now())
                    self._tokens[key] = replace(held, renew_after=age + RENEWAL_RETRY)
                    return held
            raise
        with self._lock:
            del self._pending[key]
            self._tokens[key] = token
            pending.set_result(token)
        return token

    def _request(self, audience: str, scopes: frozenset[str]) -> Token:
        secret = self._credential()
        if self._back_off:
            self._back_off.check(secret, self.now())
        form = grant_form(self.audience_parameter, audience, scopes)
        try:
            sent_at, body = try_again(partial(self._timed_answer, secret, form), self.retries, self.sleep)
            wanted_type = "DPoP" if self.dpop else "Bearer"
            value, granted, life = check_token_response(body, scopes, self.default_life, wanted_type)
        except TokenError as error:
            self._back_off = back_off_after(error, secret, self.now()) or self._back_off
            raise
        received_at = self.now()
        life -= sent_at.seconds_until(received_at)  # the server began to count before the answer arrived
        lead = min(RENEWAL_LEAD, life / 2) * (1 + self.jitter() / 10)
        return Token(value, granted, received_at, life - lead, life)

    def _timed_answer(self, secret: str, form: dict[str, str]) -> tuple[Moment, dict[str, Any]]:
        url = self.token_url or find_token_endpoint(self.session, self.issuer, self.timeout, self.mtls)
        sent_at = self.now()
        return sent_at, self._ask(url, secret, form)

    def _ask(self, url: str, secret: str, form: dict[str, str], *, again: bool = False) -> dict[str, Any]:
        auth, credential = self._authenticate(secret, form)
        if self.dpop:
            auth = self.dpop.signing(auth)
        options = {"auth": auth, "data": form, "timeout": self.timeout}
        try:
            return fetch_json(self.session, "POST", url, credential, **options)
        except TokenError as error:
            if again or self.dpop is None or error.error != "use_dpop_nonce":
                raise
        return self._ask(url, secret, form, again=True)  # its proof has the nonce that the error brought

    def _credential(self) -> str:
        try:
            return read_credential(self.secret_file)
        except ValueError as error:
            raise TokenError("no_credential", f"{self.secret_file} {error}") from None

    def _authenticate(self, secret: str, _form: dict[str, str]) -> tuple[Auth, str]:
        """Return the auth of a token request, and the credential in it; a subclass may add to its form."""
        if CONTROL.search(secret):
            raise TokenError("no_credential", f"{self.secret_file} holds more than a secret in one line")
        # RFC 6749 2.3.1: form-encoded first. It is an auth, since requests lets a .netrc replace a header.
        auth = requests.auth.HTTPBasicAuth(quote_plus(self.client_id), quote_plus(secret))
        return auth, secret
