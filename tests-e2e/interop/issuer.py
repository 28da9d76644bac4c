"""A small issuer for tokens and key sets that no real one makes: it signs any header with any claims.

It publishes what it is told to, counts what is fetched, and answers introspection by its own keys (RFC 7662).
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Self
from urllib.parse import parse_qs

from joserfc import jwk
from joserfc.errors import SecurityWarning
from joserfc.jws import JWSRegistry

from interop.recorder import Answer, Recorder, Request, as_json

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
KINDS: Mapping[str, tuple[str, Any]] = {
    "RS256": ("RSA", 2048),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
GENERATE: Any = jwk.generate_key  # its overloads want each kind by itself
JWKS_PATH = "/.well-known/jwks.json"
METADATA = ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration")


class Key:
    """A signing key; `public` is what the key set has of it."""

    def __init__(self, alg: str) -> None:
        kind, size = KINDS[alg]
        self.alg = alg
        self.kid = uuid.uuid4().hex[:12]
        self._private: Any = GENERATE(kind, size, {"use": "sig", "alg": alg, "kid": self.kid})
        self.public = self._private.as_dict(private=False)

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return a JWS of these, signed with this key whatever the header says."""
        signed = f"{_part(header)}.{_part(claims)}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # RFC 9864 deprecates the name EdDSA
            signature = JWSRegistry.algorithms[self.alg].sign(signed.encode(), self._private)
        return f"{signed}.{_base64url(signature)}"

    def sign_with_the_public_key(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return a token that misuses the public key as the secret of HS256 (RFC 8725 2.1)."""
        signed = f"{_part(header)}.{_part(claims)}"
        secret = self._private.as_pem(private=False)
        return f"{signed}.{_base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def odd_member(kind: str, curve: str, alg: str) -> dict[str, Any]:
    """Return a member of a key set that not every library can read."""
    key: Any = GENERATE(kind, curve, {"alg": alg, "kid": "odd"})
    return {**key.as_dict(private=False), "use": "sig" if alg != "ECDH-ES" else "enc"}


class Issuer:
    """An issuer on loopback. `published` is its key set, `skew` moves its clock, `down` makes it fail."""

    def __init__(self, audience: str, scope: str) -> None:
        self._recorder = Recorder({"issuer": "localhost"}, self._answer)
        self.url = self._recorder.url["issuer"]
        self.audience = audience
        self.scope = scope
        self.published: list[dict[str, Any]] = []
        self.down = False
        self.skew = 0
        self._issued: dict[str, tuple[Key, dict[str, Any]]] = {}

    def __enter__(self) -> Self:
        self._recorder.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._recorder.__exit__()

    def publish(self, *keys: Key, beside: Iterable[dict[str, Any]] = ()) -> None:
        """Publish these keys, and other members of the set before them, in place of the former ones."""
        self.published = [*beside, *(key.public for key in keys)]

    def fetches(self) -> int:
        """Return how often the key set was fetched, or a token introspected, until now."""
        asked = (JWKS_PATH, "/oauth/introspect")
        return sum(request.path in asked for request in self._recorder.of("issuer"))

    def claims(self) -> dict[str, Any]:
        """Return the claims of a good token (RFC 9068 2.2) that was issued now and lives for an hour."""
        now = int(time.time()) + self.skew
        named = {"iss": self.url, "aud": self.audience, "sub": "interop", "client_id": "interop"}
        return {**named, "iat": now, "exp": now + 3600, "jti": uuid.uuid4().hex, "scope": self.scope}

    def token(self, key: Key, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """Return a token with some members of header or claims changed; None leaves a member out."""
        head = _changed({"typ": "at+jwt", "alg": key.alg, "kid": key.kid}, header or {})
        claims = _changed(self.claims(), changes)
        token = key.sign(head, claims)
        if (head.get("typ"), head.get("kid")) == ("at+jwt", key.kid) and "aud" in claims:
            self._issued[token] = (key, claims)
        return token

    def _answer(self, request: Request) -> Answer:
        if self.down:
            return as_json(503, {"error": "temporarily_unavailable"})
        if request.path == JWKS_PATH:
            return as_json(200, {"keys": self.published}, Cache_Control="public, max-age=300")
        if request.path in METADATA:
            return as_json(200, self._metadata())
        if request.path == "/oauth/introspect":
            return as_json(200, self._introspect(parse_qs(request.body.decode())["token"][0]))
        return as_json(404, {"error": "not_found"})

    def _metadata(self) -> dict[str, Any]:
        endpoints = {
            "authorization_endpoint": "/oauth/authorize",
            "token_endpoint": "/oauth/token",
            "introspection_endpoint": "/oauth/introspect",
            "jwks_uri": JWKS_PATH,
        }
        return {
            "issuer": self.url,
            **{name: self.url + path for name, path in endpoints.items()},
            "response_types_supported": [],
            "grant_types_supported": ["client_credentials"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key["alg"] for key in self.published}),
        }

    def _introspect(self, token: str) -> dict[str, Any]:
        """Answer as our authorization server does: by its own tokens, keys and clock."""
        key, claims = self._issued.get(token, (None, {}))
        if key is None or key.public not in self.published or claims.get("iss") != self.url:
            return {"active": False}
        now = time.time() + self.skew
        if not claims.get("nbf", 0) <= now < claims.get("exp", 0):
            return {"active": False}
        return {"active": True, "token_type": "Bearer", **claims}


def _changed(members: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
