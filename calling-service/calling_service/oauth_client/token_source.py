"""Access tokens by the client credentials grant (RFC 6749 4.4): cached, renewed early, one call at a time.

Made to be copied: needs requests only. Not here: attaching a token to a request, see bearer_auth.py; a client
with a key instead of a secret, see private_key_jwt.py.
"""

import random
import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

import requests

RENEWAL_LEAD = 60.0  # seconds before expiry at which a token is renewed; at most half of its life
RENEWAL_PAUSE = 10.0  # seconds until the next try when a renewal failed and the token is still valid
REFUSAL_PAUSE = 30.0  # seconds without a call after invalid_client, unless the secret changes
LONGEST_PAUSE = 300.0  # seconds; bounds every pause, Retry-After's too
Key = tuple[str, frozenset[str]]  # audience and scopes; the issuer and the client are the source's


class TokenError(Exception):
    """No token can be had: error code, a sentence, HTTP status, seconds until a call would be sent again."""

    def __init__(self, error: str, description: str, status: int | None = None, pause: float = 0) -> None:
        super().__init__(f"{error}: {description}")
        self.error, self.description, self.status, self.pause = error, description, status, pause


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; its times are readings of the source's monotonic clock."""

    value: str = field(repr=False)
    scopes: frozenset[str]
    renew_at: float
    expires_at: float


@dataclass(kw_only=True, eq=False)
class TokenSource:
    """The tokens of one client at one issuer, by audience and scopes; threads may share it."""

    issuer: str
    client_id: str
    secret_file: Path
    token_url: str | None = None  # None: from the issuer's metadata (RFC 8414), at each call
    audience_parameter: str = "audience"  # or "resource" (RFC 8707), for a server that goes by it
    session: requests.Session = field(default_factory=requests.Session)
    timeout: tuple[float, float] = (3.0, 10.0)  # seconds to connect and to read
    clock: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens, self._calls = dict[Key, Token](), dict[Key, Future[Token]]()
        self._pause: tuple[TokenError, float, str | None] | None = None  # why, until when, with which secret

    def get(self, audience: str, scopes: Iterable[str]) -> Token:
        """Return a valid token, cached or from the one call that all threads share; raise TokenError."""
        key = (audience, frozenset(scopes))
        with self._lock:
            held, call = self._valid(key), self._calls.get(key)
            if held and (call or self.clock() < held.renew_at):
                return held
            if leads := call is None:
                call = self._calls[key] = Future()
        return self._lead(key, call, held) if leads else call.result()

    def peek(self, audience: str, scopes: Iterable[str]) -> Token | None:
        """Return the cached token if it is still valid; never call."""
        with self._lock:
            return self._valid((audience, frozenset(scopes)))

    def drop(self, token: Token) -> None:
        """Forget this token, but none that has taken its place."""
        with self._lock:
            self._tokens = {key: kept for key, kept in self._tokens.items() if kept.value != token.value}

    def _valid(self, key: Key) -> Token | None:
        return token if (token := self._tokens.get(key)) and self.clock() < token.expires_at else None

    def _lead(self, key: Key, call: Future[Token], held: Token | None) -> Token:
        try:
            token = self._fetch(*key)
        except BaseException as error:
            with self._lock:
                del self._calls[key]
                call.set_exception(error)
                if held and self._valid(key) is held and isinstance(error, TokenError):
                    self._tokens[key] = replace(held, renew_at=self.clock() + RENEWAL_PAUSE)
                    return held
            raise
        with self._lock:
            del self._calls[key]
            self._tokens[key] = token
            call.set_result(token)
        return token

    def _fetch(self, audience: str, scopes: frozenset[str]) -> Token:
        secret = self._secret()
        known, until, tried = self._pause or (None, 0.0, None)
        if known and self.clock() < until and tried in {None, secret}:
            raise TokenError(known.error, known.description, known.status, until - self.clock())
        form = {"grant_type": "client_credentials", self.audience_parameter: audience}
        form["scope"] = " ".join(sorted(scopes))
        try:
            url = self.token_url or self._discover()
            auth, sent_at = self._authentication(secret, form), self.clock()
            hidden = form.get("client_assertion", secret)
            answer = self._call("POST", url, hidden, data=form, auth=auth)
            return self._checked(answer, scopes, sent_at)
        except TokenError as error:
            if refused := error.error == "invalid_client":
                error.pause = max(error.pause, REFUSAL_PAUSE)
            if error.pause:  # another secret may be right at once; Retry-After holds for any
                self._pause = (error, self.clock() + error.pause, secret if refused else None)
            raise

    def _authentication(self, secret: str, _form: dict[str, str]) -> requests.auth.AuthBase:
        # RFC 6749 2.3.1: form-encoded first. As auth=, since requests lets a .netrc replace a mere header.
        return requests.auth.HTTPBasicAuth(quote_plus(self.client_id), quote_plus(secret))

    def _secret(self) -> str:
        with suppress(OSError, UnicodeDecodeError):
            if secret := self.secret_file.read_text(encoding="utf-8").strip("\r\n"):
                return secret
        raise TokenError("no_credential", f"the secret file {self.secret_file} is empty or unreadable")

    def _call(self, method: str, url: str, secret: str = "", **sent: Any) -> dict[str, Any]:
        """Return the body of a 200; else raise TokenError with what RFC 6749 5.2 and Retry-After tell."""
        try:  # credentials follow no redirect
            response = self.session.request(method, url, timeout=self.timeout, allow_redirects=False, **sent)
        except requests.RequestException as error:
            raise TokenError("unreachable", f"{url} did not answer ({type(error).__name__})") from error
        said: dict[str, Any] = {}
        with suppress(ValueError, RecursionError):
            said = body if isinstance(body := response.json(), dict) else said
        if response.status_code == 200 and said:
            return said
        told = (re.sub("[^ -~]", "", str(said.get(key, ""))) for key in ("error", "error_description"))
        code, text = (part.replace(secret or "\n", "***")[:300] for part in told)  # a server could echo it
        wait = response.headers.get("Retry-After", "")
        pause = min(float(wait), LONGEST_PAUSE) if wait.isdecimal() else 0
        text = text or f"HTTP {response.status_code} without a usable body"
        raise TokenError(code or "bad_response", text, response.status_code, pause)

    def _discover(self) -> str:
        issuer = urlsplit(self.issuer)  # RFC 8414 3.1: the well-known path stands before the issuer's own
        path = "/.well-known/oauth-authorization-server" + issuer.path.rstrip("/")
        metadata = self._call("GET", issuer._replace(path=path).geturl())
        endpoint = str(metadata.get("token_endpoint"))  # RFC 8414 3.3: from its own issuer's metadata only
        if metadata.get("issuer") != self.issuer or not endpoint.startswith(("https:", f"{issuer.scheme}:")):
            raise TokenError("bad_metadata", f"the metadata is not {self.issuer}'s, or has no token_endpoint")
        return endpoint

    def _checked(self, body: dict[str, Any], asked: frozenset[str], sent_at: float) -> Token:
        value, kind, life = (body.get(name) for name in ("access_token", "token_type", "expires_in"))
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", value):  # RFC 6750 2.1
            raise TokenError("bad_response", "the token response has no usable access_token")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise TokenError("bad_response", "the token response's token_type is not Bearer")
        if not isinstance(life, int | float) or isinstance(life, bool) or not 0 < life < 1e9:
            raise TokenError("bad_response", "the token response's expires_in is no number of seconds")
        # RFC 6749 5.1: scope may be absent when it is what was asked for
        scopes = frozenset(scope.split()) if isinstance(scope := body.get("scope"), str) else asked
        if missing := " ".join(sorted(asked - scopes)):
            raise TokenError("missing_scope", f"the token lacks the scope {missing}")
        lead = min(RENEWAL_LEAD, life / 2) * (1 + self.jitter() / 10)
        return Token(value, scopes, renew_at=sent_at + life - lead, expires_at=sent_at + life)
