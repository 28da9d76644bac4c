"""The tokens of the platform that vouches for `gallery-federated`, as a cluster gives them to its workloads.

In the gallery, the calling service plays this platform too, with a key that `make up` makes. Not here: how a
client uses such a token (calling_service.oauth_client.workload_identity).
"""

from collections.abc import Mapping
from typing import Any

import jwt
from calling_service.oauth_client.private_key_jwt import public_jwk_set
from calling_service.oauth_client.workload_identity import ASSERTION_TYPE
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ISSUER = "https://platform.exampleco.example"
SUBJECT = "system:serviceaccount:timesheets:gallery"
LIFETIME = 600  # seconds, the least that Kubernetes gives

# What each way of asking changes in the token; `exp` in seconds from now.
PLATFORM_TOKENS: dict[str, Mapping[str, Any]] = {
    "with the token of its platform": {},
    "with its platform's token for another server": {"aud": "https://other-server.example"},
    "with the token of another workload": {"sub": "system:serviceaccount:timesheets:somebody-else"},
    "with its platform's token of an hour ago": {"iat": -3600, "exp": LIFETIME - 3600},
    "with the token of a platform that nobody has declared": {"iss": "https://another-platform.example"},
}


def platform_token(private_key: str, server: str, now: float, changes: Mapping[str, Any]) -> dict[str, str]:
    """Return the form parameters with a token for an authorization server, but for what `changes` it."""
    claims: dict[str, Any] = {"iss": ISSUER, "sub": SUBJECT, "aud": server, "iat": 0, "exp": LIFETIME}
    claims |= changes
    claims |= {name: int(now) + claims[name] for name in ("iat", "exp")}
    (public,) = public_jwk_set(private_key)["keys"]
    key: Any = load_pem_private_key(private_key.encode(), None)
    token = jwt.encode(claims, key, public["alg"], {"kid": public["kid"], "typ": "JWT"})
    return {"client_assertion_type": f"{ASSERTION_TYPE}jwt-bearer", "client_assertion": token}
