"""How the access tokens of well-known servers depart from RFC 9068: a profile each, a relaxation a line.

Leave this file and relaxed_checks.py out if your server follows RFC 9068, which is the stricter choice. What
each profile was read in is in docs/other-servers.md. Not here: the checks (relaxed_checks.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from .access_token import TYPES

ID_TOKEN_CLAIMS = ("nonce", "at_hash", "c_hash")  # OpenID Connect Core 2 and 3.3.2.11


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProfile:
    """What the access tokens of one server have in place of what RFC 9068 demands."""

    proof: str  # the claim that proves an access token
    proof_values: tuple[str, ...] = ()  # one of which it has; without any, it is a text
    never: tuple[str, ...] = ID_TOKEN_CLAIMS  # claims that no access token has
    header_typ: tuple[str, ...] = TYPES  # in lower case; "" is none
    client_id: tuple[str, ...] = ("client_id",)  # the claims that name the client; the first that is there
    scope: str = "scope"  # the claim that has the scopes, in a string or a list
    scope_prefix: str = ""  # what each scope of this API begins with
    may_lack: tuple[str, ...] = ()  # claims that RFC 9068 requires


PROFILES: Mapping[str, TokenProfile | None] = {
    "rfc9068": None,
    "keycloak": TokenProfile(
        proof="typ",
        proof_values=("Bearer", "DPoP"),  # an ID token has ID; others have Refresh, Offline or Logout
        header_typ=("jwt", *TYPES),
        client_id=("azp",),
    ),
    "auth0": TokenProfile(
        proof="sub",
        proof_values=("{client_id}@clients",),  # the subject of an ID token is a user
        header_typ=("jwt",),
        client_id=("azp",),
        may_lack=("jti",),
    ),
    "entra": TokenProfile(
        proof="idtyp",
        proof_values=("app",),  # an optional claim, which the registration of the API asks for
        header_typ=("jwt",),
        client_id=("azp", "appid"),  # of version 2.0 and 1.0
        scope="roles",
        may_lack=("jti",),
    ),
    "okta": TokenProfile(
        proof="cid",
        never=(*ID_TOKEN_CLAIMS, "idp"),  # which every ID token has
        header_typ=("", "jwt"),
        client_id=("cid",),
        scope="scp",
    ),
    "cognito": TokenProfile(
        proof="token_use",
        proof_values=("access",),  # an ID token has id
        header_typ=("", "jwt"),
        scope_prefix="{audience}/",
        may_lack=("aud",),
    ),
}
# What each member of a profile does, and what that costs.
COSTS = {
    "proof": "proves an access token by its claim {proof} ({proof_values}), not by the type in its header",
    "header_typ": "takes the header typ {header_typ}, as of an ID token: only the proof tells them apart",
    "client_id": "reads the client from {client_id}, which only the server's documentation defines",
    "scope": "reads the scopes from {scope}: whatever else the server puts there counts as a scope",
    "scope_prefix": "reads only scopes that begin with {scope_prefix}, and cuts that off",
}
COSTS_OF_A_LACK = {
    "jti": "takes tokens without jti: no log can tell two tokens of a client apart",
    "aud": "takes tokens without aud: only the scopes say that a token is for this API",
}


def needs_clients(profile: str) -> bool:
    """Return whether tokens of this profile may lack `aud`, so that only named clients may call."""
    found = PROFILES.get(profile)
    return found is not None and "aud" in found.may_lack


def relaxations(profile: str) -> list[str]:
    """Return a line for each relaxation of a profile, with what it costs."""
    found = PROFILES[profile]
    if not found:
        return []
    changed = {member.name for member in fields(found) if getattr(found, member.name) != member.default}
    words = {member.name: _words(getattr(found, member.name)) for member in fields(found)}
    lines = [cost.format(**words) for name, cost in COSTS.items() if name in changed]
    return lines + [COSTS_OF_A_LACK[claim] for claim in found.may_lack]


def _words(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return value
    return " or ".join(word or "none" for word in value) or "any text"
