"""Checks of opaque tokens: the authorization server says what each is worth, at each request (RFC 7662).

Leave this file out if your server issues JWTs. Not here: how the server is asked (introspection.py).
"""
# ruff: noqa: D103  (the name of a check is its sentence)

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .access_token import AccessToken, Check, Policy, audience, size, times
from .refusals import RefusalError, UnavailableError
from .relaxed_checks import allowed_clients

COST = "asks the authorization server about each token: each request waits for it, and fails while it is down"


def opaque_checks(answer: Callable[[str], dict[str, Any]], clients: Iterable[str] = ()) -> tuple[Check, ...]:
    """Return the checks of opaque tokens, which go with `remembered=0`.

    `answer` returns the introspection response, with `active` true or false; it raises OSError or ValueError.
    """
    introspected = _Introspection(answer).introspected
    return (
        size,
        introspected,
        audience,
        times,
        access_token_proof,
        required_claims,
        *allowed_clients(clients),
    )


@dataclass(frozen=True, slots=True)
class _Introspection:
    answer: Callable[[str], dict[str, Any]]

    def introspected(self, token: AccessToken, policy: Policy) -> None:
        try:
            token.claims = self.answer(token.compact)
        except (OSError, ValueError) as failure:
            raise UnavailableError(str(failure)) from failure
        if not token.claims["active"]:
            raise RefusalError("The token is not active.")
        if token.claims.get("iss", policy.issuer) != policy.issuer:
            raise RefusalError("The token is from another issuer.")


def access_token_proof(token: AccessToken, _: Policy) -> None:
    # RFC 6749 7.1: an access token has a type. A refresh token, which the server calls active too, has none.
    if str(token.claims.get("token_type")).lower() not in {"bearer", "dpop"}:
        raise RefusalError("Nothing proves that the token is an access token.")


def required_claims(token: AccessToken, _: Policy) -> None:
    client_id = token.claims.get("client_id")
    named = isinstance(client_id, str) and client_id != "" and client_id.isprintable()
    if not named or not isinstance(token.claims.get("scope", ""), str):
        raise RefusalError("The authorization server does not say who may do what with the token.")
