"""The checks of tokens that depart from RFC 9068. Not here: by what they depart (token_profiles.py)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import access_token as rfc9068
from .access_token import AccessToken, Check, Policy
from .refusals import RefusalError
from .token_profiles import PROFILES, TokenProfile, needs_clients


def token_checks(profile: str, clients: Iterable[str] = ()) -> tuple[Check, ...]:
    """Return the checks of a profile; if `clients` are named, they alone may call.

    Raise KeyError for an unknown profile, and ValueError if its tokens may lack `aud` and no client is named.
    """
    found = PROFILES[profile]
    checks = rfc9068.CHECKS
    if found:
        checks = _Relaxed(found).in_place_of(checks)
    named = allowed_clients(clients)
    if needs_clients(profile) and not named:
        raise ValueError(f"name the clients: tokens of the profile {profile} may lack an audience")
    return checks + named


def allowed_clients(clients: Iterable[str]) -> tuple[Check, ...]:
    """Return a check that only these clients pass; none if none is named."""
    allowed = frozenset(clients)
    return (_AllowedClients(allowed).client_allowed,) if allowed else ()


@dataclass(frozen=True, slots=True)
class _AllowedClients:
    clients: frozenset[str]

    def client_allowed(self, token: AccessToken, _: Policy) -> None:
        if token.client_id not in self.clients:
            raise RefusalError("The client of the token is not allowed.")


@dataclass(frozen=True, slots=True)
class _Relaxed:
    """The checks of a profile, under the names of those that they stand for, and its proof."""

    profile: TokenProfile

    def in_place_of(self, checks: tuple[Check, ...]) -> tuple[Check, ...]:
        mine: dict[Check, tuple[Check, ...]] = {
            rfc9068.typ: (self.typ,),
            rfc9068.audience: (self.audience,),
            rfc9068.required_claims: (self.access_token_proof, self.required_claims),
        }
        return tuple(relaxed for check in checks for relaxed in mine.get(check, (check,)))

    def typ(self, token: AccessToken, _: Policy) -> None:
        found = token.header.get("typ", "")
        if not isinstance(found, str) or found.lower() not in self.profile.header_typ:
            raise RefusalError("The token is not of a type that the profile takes.")

    def audience(self, token: AccessToken, policy: Policy) -> None:
        if "aud" in token.claims or "aud" not in self.profile.may_lack:
            rfc9068.audience(token, policy)

    def access_token_proof(self, token: AccessToken, _: Policy) -> None:
        claims = token.claims
        if not self._is_proven(claims) or any(name in claims for name in self.profile.never):
            raise RefusalError("Nothing proves that the token is an access token.")

    def required_claims(self, token: AccessToken, policy: Policy) -> None:
        # From here on the claims have the names of RFC 9068, so whatever comes later needs no profile.
        named = {"client_id": self._client_id(token.claims), "scope": self._scope(token.claims, policy)}
        lacking = dict.fromkeys(self.profile.may_lack, "-")
        rfc9068.required_claims(AccessToken("", claims=lacking | token.claims | named), policy)
        token.claims |= named

    def _is_proven(self, claims: Mapping[str, Any]) -> bool:
        found = claims.get(self.profile.proof)
        values = self.profile.proof_values
        if not values:
            return isinstance(found, str)
        client_id = str(self._client_id(claims))
        return found in [value.replace("{client_id}", client_id) for value in values]

    def _client_id(self, claims: Mapping[str, Any]) -> Any:
        return next((claims[name] for name in self.profile.client_id if name in claims), None)

    def _scope(self, claims: Mapping[str, Any], policy: Policy) -> str:
        scopes = claims.get(self.profile.scope, [])
        if isinstance(scopes, str):
            scopes = scopes.split(" ")
        words = isinstance(scopes, list) and all(isinstance(word, str) and " " not in word for word in scopes)
        if not words:
            raise RefusalError("The scopes of the token are not words.")
        prefix = self.profile.scope_prefix.replace("{audience}", policy.audience)
        return " ".join(scope.removeprefix(prefix) for scope in scopes if scope.startswith(prefix))
