"""Let an issuer's tokens into a Flask app: the one import of a project that copies this and what it imports.

Call `protect(app, issuer=…, audience=…, realm=…, jwks_uri=…)`, then put `@require_scope("…")` on the views.
Not here: the scope rule (authorization.py), the checks (access_token.py), the keys (issuer_keys.py).
"""

from collections.abc import Callable
from functools import partial

from flask import Flask

from .access_token import Policy
from .authorization import Authorization, not_configured, require_scope
from .issuer_documents import fetch_key_set
from .issuer_keys import IssuerKeys
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
    active: Callable[[str], bool] = not_configured,
) -> IssuerKeys:
    """Make `require_scope` work in `app`; return the issuer's keys, fetched at the first use or `start()`.

    Times in seconds. Without a `jwks_uri` the issuer's metadata name it (RFC 8414).
    """
    fetch = partial(fetch_key_set, issuer, jwks_uri)
    keys = IssuerKeys(fetch, soft_ttl=soft_ttl, hard_ttl=hard_ttl, cooldown=cooldown)
    tokens = RememberedTokens(Policy(issuer, audience, keys, clock_skew))
    Authorization(app, tokens.verify, audience=audience, realm=realm, active=active)
    return keys
