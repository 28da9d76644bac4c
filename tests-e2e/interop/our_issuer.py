"""The stack's own authorization server, and tokens that it would not issue, signed with its keys."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from live_stack import INVOICES, Stack

SCOPE = "read:timesheets"
CLIENT = "timesheets-import-job"
OTHER_ALG = """\
  - identifier: https://eddsa.exampleco.example
    name: Another API
    scopes: [read]
    signing_alg: EdDSA
"""
THUMBPRINT = "A" * 43  # of a key that nobody has
PRIVATE_KEYS = """
import os
from auth_server.keys.life import State
from auth_server.startup import open_service
keys = open_service(os.environ).keys
for alg in ("RS256", "ES256", "EdDSA"):
    for life in keys.read().of(alg, keys.store.now(), State.CURRENT, State.NEXT):
        print(keys.store.encryption.decrypt(life.key.encrypted_private_jwk).decode())
"""


@dataclass(frozen=True, slots=True)
class OddToken:
    """What is odd about a token: members of its header and claims; None leaves one out."""

    alg: str = "RS256"
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)


GOOD = OddToken()


def odd_tokens() -> dict[str, OddToken]:
    """Return the table of tokens, by what is odd."""
    now = int(time.time())
    return {
        "ES256": OddToken("ES256"),
        "EdDSA": OddToken("EdDSA"),
        "another `aud`": OddToken(claims={"aud": INVOICES}),
        "another `iss`": OddToken(claims={"iss": "https://other.example"}),
        "an `exp` that has passed": OddToken(claims={"iat": now - 7200, "exp": now - 3600}),
        "a missing `exp`": OddToken(claims={"exp": None}),
        "an `nbf` in the future": OddToken(claims={"nbf": now + 3600}),
        "another `typ`": OddToken(header={"typ": "JWT"}),
        "another scope": OddToken(claims={"scope": "delete:timesheets"}),
        "a missing scope": OddToken(claims={"scope": None}),
        "a bound token (`cnf`) without its proof": OddToken(claims={"cnf": {"jkt": THUMBPRINT}}),
        "a longer scope": OddToken(claims={"scope": f"{SCOPE}:all"}),
    }


class OurIssuer:
    """The issuer of a running stack, whose tenant has an API for each algorithm."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.url = stack.issuer
        self.jwks_uri = f"{stack.issuer}/.well-known/jwks.json"
        self.audience = stack.timesheets_api
        self._keys = self._current_keys()

    def token(self, odd: OddToken = GOOD) -> str:
        """Return a token that was issued now and is good but for what is odd."""
        key = self._keys[odd.alg]
        now = int(time.time())
        claims = {"iss": self.url, "aud": self.audience, "sub": CLIENT, "client_id": CLIENT, "iat": now}
        claims |= {"exp": now + 600, "jti": uuid.uuid4().hex, "scope": SCOPE}
        header = {"typ": "at+jwt", "kid": key["kid"], **odd.header}
        members = {name: value for name, value in {**claims, **odd.claims}.items() if value is not None}
        # Introspection knows a token of ours by its header, byte for byte.
        return jwt.encode(members, jwt.PyJWK(key).key, algorithm=odd.alg, headers=header, sort_headers=False)

    def replace_keys(self) -> None:
        """Withdraw the key that signs RS256, and the next one: what signs now, nobody has seen."""
        for _ in range(2):
            kid = self._keys["RS256"]["kid"]
            self._stack.inside("auth-server", "flask", "--app", "auth_server.wsgi", "keys", "revoke", kid)
            self._keys = self._current_keys()

    def _current_keys(self) -> dict[str, Any]:
        printed = self._stack.inside("auth-server", "python", "-c", PRIVATE_KEYS)
        keys: dict[str, Any] = {}
        for line in printed.splitlines():
            key = json.loads(line)
            keys.setdefault(key["alg"], key)
        return keys
