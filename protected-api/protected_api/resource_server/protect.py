"""Let an issuer's tokens into a Flask app: the one import of a project that copies this and what it imports.

Call `protect(app, issuer=…, audience=…, realm=…, jwks_uri=…)`, then put `@require_scope("…")` on the views.
Not here: the scope rule (authorization.py), the checks (access_token.py), the keys (issuer_keys.py).
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from flask import Flask

from .access_token import Policy, Tell, untold
from .authorization import Authorization, require_scope
from .issuer_documents import fetch_key_set
from .issuer_keys import IssuerKeys
from .json_over_http import Call, call
from .remembered_tokens import RememberedTokens

__all__ = ["protect", "require_scope"]


def protect(
    app: Flask,
    *,
    issuer: str,
    audience: str,
    realm: str,
    jwks_uri: str | None = None,
    soft_ttl: float = 300,
    hard_ttl: float = 86400,
    cooldown: float = 30,
    clock_skew: float = 60,
    active: Callable[[str], bool] | None = None,
    call: Call = call,
    tell: Tell = untold,
) -> IssuerKeys:
    """Make `require_scope` work in `app`; return the issuer's keys, fetched at the first use or `start()`.

    Times in seconds. Without a `jwks_uri` the issuer's metadata name it (RFC 8414). `active` asks whether a
    token is active still; raises OSError or ValueError.
    """
    fetch = partial(fetch_key_set, issuer, jwks_uri, call)
    keys = IssuerKeys(fetch, soft_ttl=soft_ttl, hard_ttl=hard_ttl, cooldown=cooldown)
    tokens = RememberedTokens(Policy(issuer, audience, keys.find, clock_skew, tell=tell))
    metadata = metadata_url(audience)
    Authorization(app, tokens.verify, realm=realm, resource_metadata=metadata, active=active, tell=tell)
    return keys


def metadata_url(audience: str) -> str:
    """Return where a resource's metadata is found: well-known between its host and path (RFC 9728 3.1)."""
    path = urlsplit(audience).path
    return audience.removesuffix(path) + "/.well-known/oauth-protected-resource" + path.rstrip("/")
