"""A token endpoint and an API that do as they are told: short tokens, 401, 429, redirects."""

import base64
import json
import threading
import time
from itertools import count

from interop.recorder import Answer, Recorder, Request, as_json

API_PATH = "/timesheets"
SCOPE = "read:timesheets"
ORIGINS = {"server": "localhost", "api": "localhost", "elsewhere": "127.0.0.1"}
METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


class Played:
    """The state of the play; `next_token` and `next_api` are answers given once, before all others."""

    def __init__(self) -> None:
        self.url: dict[str, str] = {}
        self.expires_in = 3600
        self.token_seconds = 0.0  # how long an answer takes
        self.api_seconds = 0.0
        self.next_token: list[Answer] = []
        self.next_api: list[Answer] = []
        self._refused: set[str] = set()
        self._tokens: list[str] = []
        self._numbers = count(1)
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Return what this play answers."""
        if request.origin == "elsewhere":
            return as_json(200, {"timesheets": []})
        if request.origin == "api":
            return self._api(request)
        if request.path == "/oauth/token":
            return self._token()
        if request.path in METADATA:
            return as_json(200, self._metadata())
        return as_json(404, {"error": "not_found"})

    def refuse_the_tokens_so_far(self) -> None:
        """Refuse every token that was issued until now, as an API does after a key has been revoked."""
        self.refuse(*self._tokens)

    def refuse(self, *tokens: str) -> None:
        """Refuse these tokens from now on."""
        self._refused.update(tokens)

    def _token(self) -> Answer:
        time.sleep(self.token_seconds)
        with self._lock:
            if self.next_token:
                return self.next_token.pop(0)
            token = self._new_token()
            self._tokens.append(token)
        issued = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in}
        return as_json(200, {**issued, "scope": SCOPE}, Cache_Control="no-store", Pragma="no-cache")

    def _new_token(self) -> str:
        now = int(time.time())
        claims: dict[str, object] = {"iss": self.url["server"], "aud": self.url["api"], "scope": SCOPE}
        claims |= {"sub": "played", "client_id": "played", "jti": str(next(self._numbers))}
        claims |= {"iat": now, "exp": now + self.expires_in}
        return ".".join(
            _base64url(part) for part in ({"typ": "at+jwt", "alg": "RS256"}, claims, "no signature")
        )

    def _api(self, request: Request) -> Answer:
        if request.path.startswith("/.well-known/oauth-protected-resource"):
            servers = {"authorization_servers": [self.url["server"]], "scopes_supported": [SCOPE]}
            return as_json(200, {"resource": self.url["api"], **servers})
        time.sleep(self.api_seconds)
        scheme, _, token = request.authorization.partition(" ")
        if scheme.lower() != "bearer":
            return self._challenge()
        if token in self._refused:
            return self._challenge('error="invalid_token", ')
        with self._lock:
            return self.next_api.pop(0) if self.next_api else as_json(200, {"timesheets": []})

    def _challenge(self, error: str = "") -> Answer:
        where = f"{self.url['api']}/.well-known/oauth-protected-resource"
        value = f'Bearer realm="played", {error}scope="{SCOPE}", resource_metadata="{where}"'
        return as_json(401, {"error": "invalid_token"}, WWW_Authenticate=value)

    def _metadata(self) -> dict[str, object]:
        server = self.url["server"]
        return {
            "issuer": server,
            "authorization_endpoint": f"{server}/oauth/authorize",
            "token_endpoint": f"{server}/oauth/token",
            "jwks_uri": f"{server}/.well-known/jwks.json",
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": [SCOPE],
            "token_endpoint_auth_methods_supported": [
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
            ],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "ES256", "EdDSA", "Ed25519"],
        }


def retry_after(seconds: int) -> Answer:
    """Return a 429 that says when to come again."""
    return as_json(429, {"error": "temporarily_unavailable"}, Retry_After=str(seconds))


def redirect(url: str) -> Answer:
    """Return a redirect that keeps the method (RFC 9110 15.4.8)."""
    return Answer(307, {"Location": url})


def token_calls(recorder: Recorder, after: int = 0) -> list[Request]:
    """Return the requests to the token endpoint, from the given number of all requests on."""
    return [one for one in recorder.requests[after:] if one.path == "/oauth/token"]


def _base64url(part: object) -> str:
    text = part if isinstance(part, str) else json.dumps(part)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
