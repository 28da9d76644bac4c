"""Tokens that only their sender can use: the request must confirm each member of `cnf` (RFC 7800 3.1).

Not here: how a key is confirmed (dpop_proof.py).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask import Request

from .access_token import AccessToken
from .refusals import RefusalError


class Presented(NamedTuple):
    """A token as it was presented, and by which scheme."""

    scheme: str
    compact: str


# Raises RefusalError unless the request confirms the value of this member of `cnf`.
Confirm = Callable[[Request, Presented, Any], None]


@dataclass(frozen=True, slots=True)
class ProofOfPossession:
    """What confirms a token, by the member of `cnf`; `required`: a token must be bound.

    `schemes` are those by which a token may be presented, with the parameters of their challenges.
    """

    methods: Mapping[str, Confirm] = field(default_factory=dict)
    required: bool = False
    schemes: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: {"Bearer": {}})

    def check(self, request: Request, presented: Presented, token: AccessToken, *, required: bool) -> bool:
        """Return whether the token is bound to what the request has shown; raise RefusalError."""
        confirmation = token.claims.get("cnf", {})
        names_no_key = "cnf" in token.claims and not confirmation  # RFC 7800 3.1: it identifies one
        if (
            names_no_key
            or not isinstance(confirmation, dict)
            or not confirmation.keys() <= self.methods.keys()
        ):
            raise RefusalError("The token is bound in a way that this API cannot check.", "proof")
        if not confirmation and (required or self.required):
            raise RefusalError("The token is not bound to a key, as this API demands.", "proof")
        if presented.scheme == "DPoP" and "jkt" not in confirmation:
            raise RefusalError("The token is not bound to a DPoP key: present it as Bearer.", "proof")
        for member, value in confirmation.items():
            self.methods[member](request, presented, value)
        return bool(confirmation)

    def challenges(self, parameters: Mapping[str, str], only: str) -> Iterator[str]:
        """Yield the challenge of each scheme, or of `only` one, with these parameters (RFC 9110 11.6.1)."""
        for scheme, more in self.schemes.items():
            if only in {"", scheme}:
                members = {**parameters, **more}
                yield f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in members.items())
