"""Protect a Flask app with access tokens: `protect(app, …)` once, and `@require_scope("…")` at each view.

CHECKS in access_token.py refuse a token, because of its audience for example: add checks of your own there.
Not here: how a token is presented, and the scope of a route (authorization.py), the keys (issuer_keys.py).
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask

from .access_token import CHECKS, Check, OnCheck, Policy, ignore_check
from .authorization import Authorization
from .issuer_documents import fetch_key_set
from .issuer_keys import IssuerKeys
from .json_over_http import Call, call
from .proof_of_possession import ProofOfPossession
from .remembered_tokens import RememberedTokens

if TYPE_CHECKING:
    from .key_set_file import KeySetFile

BEARER_TOKENS = ProofOfPossession()


def protect(
    app: Flask,
    *,
    issuer: str,
    audience: str,
    realm: str,
    jwks_uri: str | None = None,
    resource: str | None = None,
    checks: tuple[Check, ...] = CHECKS,
    soft_ttl: float = 300,
    hard_ttl: float = 86400,
    cooldown: float = 30,
    clock_skew: float = 60,
    max_token_length: int = 4096,
    remembered: int = 1024,
    active: Callable[[str], bool] | None = None,
    keys_file: "KeySetFile | None" = None,
    call: Call = call,
    on_check: OnCheck = ignore_check,
    possession: ProofOfPossession = BEARER_TOKENS,
) -> IssuerKeys:
    """Make `require_scope` work in `app`; return the issuer's keys, fetched at the first use or by `start()`.

    Times are in seconds, lengths in characters; at most `remembered` tokens are remembered. Without a
    `jwks_uri`, the issuer's metadata names it (RFC 8414). The `resource` is the API's URL if its `audience`
    is another name. `checks` may be those of relaxed_checks.py or opaque_tokens.py. `active` returns whether
    a token is still active, or raises OSError or ValueError. Without a `possession`, such as `dpop(…)`, no
    token that is bound to a key is served.
    """
    fetch = partial(fetch_key_set, issuer, jwks_uri, call)
    keys = IssuerKeys(fetch, soft_ttl, hard_ttl, cooldown, file=keys_file)
    policy = Policy(issuer, audience, keys.find, clock_skew, max_token_length, on_check=on_check)
    verify = RememberedTokens(policy, remembered, checks).verify
    resource_metadata = metadata_url(resource or audience)
    Authorization(app, verify, realm, resource_metadata, active, on_check, possession)
    return keys


def metadata_url(audience: str) -> str:
    """Return the address of a resource's metadata: well-known between its host and path (RFC 9728 3.1)."""
    path = urlsplit(audience).path
    return audience.removesuffix(path) + "/.well-known/oauth-protected-resource" + path.rstrip("/")
