"""The checks of an access token (RFC 9068 4), a function each. Not here: its scope (authorization.py)."""
# ruff: noqa: D103  (the name of a check is its sentence)

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jwt import PyJWK

from .refusals import RefusalError, UnavailableError
from .strict_formats import base64url, json_object

TYPES = ("at+jwt", "application/at+jwt")
# The algorithms that we allow, each with the members of a JWK for it (RFC 7518 6, RFC 8037 2, RFC 9864 2.2).
ALGORITHMS = {
    "RS256": {"kty": "RSA"},
    "ES256": {"kty": "EC", "crv": "P-256"},
    "EdDSA": {"kty": "OKP", "crv": "Ed25519"},
    "Ed25519": {"kty": "OKP", "crv": "Ed25519"},
}
YEAR_10000 = 253402300800  # a later time is an error; so are infinity and numbers of 3000 digits

# Called after each check with its name, and with the reason if the check refused the request.
OnCheck = Callable[[str, str | None], None]


def ignore_check(_: str, __: str | None) -> None:
    """Do nothing after a check."""


class IssuerKey(PyJWK):
    """A public key of the issuer, and the algorithms that it is for."""

    def __init__(self, jwk: dict[str, Any], algorithms: list[str]) -> None:
        super().__init__(jwk | {"alg": None})  # PyJWT, which does not know Ed25519, goes by the kind of key
        self.jwk = jwk
        self.algorithms = algorithms


@dataclass(frozen=True, slots=True)
class Policy:
    """What a resource server demands of a token."""

    issuer: str
    audience: str
    find_key: Callable[[str], IssuerKey | None]  # by `kid`; raises UnavailableError
    clock_skew: float = 60  # seconds
    max_length: int = 4096  # characters
    clock: Callable[[], float] = time.time
    on_check: OnCheck = ignore_check


@dataclass(slots=True, eq=False)
class AccessToken:
    """A token; the checks read it part by part. Once all have passed, it says who calls, and what for."""

    compact: str = field(repr=False)
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    signature: bytes = field(default=b"", repr=False)
    key: IssuerKey = field(init=False, repr=False)

    @property
    def client_id(self) -> str:
        """The client that the token was issued to."""
        return str(self.claims["client_id"])

    @property
    def scope(self) -> list[str]:
        """The granted scopes, as whole words (RFC 6749 3.3)."""
        scope = str(self.claims.get("scope", ""))
        return scope.split(" ")


def size(token: AccessToken, policy: Policy) -> None:
    if len(token.compact) > policy.max_length:
        raise RefusalError(f"The token is longer than {policy.max_length} characters.")


def well_formed(token: AccessToken, _: Policy) -> None:
    try:
        header, claims, signature = token.compact.split(".")
        token.header = json_object(base64url(header))
        token.claims = json_object(base64url(claims))
        token.signature = base64url(signature)
    except ValueError:
        reason = "The token is not three canonical base64url parts, of JSON objects with unique members."
        raise RefusalError(reason) from None


def alg_allowed(token: AccessToken, _: Policy) -> None:
    alg = token.header.get("alg")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise RefusalError("The algorithm of the token is not allowed.")


def crit(token: AccessToken, _: Policy) -> None:
    # RFC 7515 4.1.11: a critical extension that we do not understand is refused, and we understand none.
    if "crit" in token.header:
        raise RefusalError("The token has critical header parameters.")


def typ(token: AccessToken, _: Policy) -> None:
    typ = token.header.get("typ")
    if not isinstance(typ, str) or typ.lower() not in TYPES:
        raise RefusalError("The token is not of type at+jwt.")


def kid_known(token: AccessToken, policy: Policy) -> None:
    kid = token.header.get("kid")
    key = policy.find_key(kid) if isinstance(kid, str) else None
    if key is None:
        raise RefusalError("The token names no key of the issuer.")
    token.key = key


def alg_fits_the_key(token: AccessToken, _: Policy) -> None:
    if token.header["alg"] not in token.key.algorithms:
        raise RefusalError("The key of the token is for another algorithm.")


def signature(token: AccessToken, _: Policy) -> None:
    signed = token.compact.rpartition(".")[0]
    if not token.key.Algorithm.verify(signed.encode(), token.key.key, token.signature):
        raise RefusalError("The signature of the token is wrong.")


def issuer(token: AccessToken, policy: Policy) -> None:
    if token.claims.get("iss") != policy.issuer:
        raise RefusalError("The token is from another issuer.")


def audience(token: AccessToken, policy: Policy) -> None:
    audiences = token.claims.get("aud")
    if not isinstance(audiences, list):
        audiences = [audiences]
    only_strings = all(isinstance(name, str) for name in audiences)
    if policy.audience not in audiences or not only_strings:
        raise RefusalError("The token is for another audience.")


def times(token: AccessToken, policy: Policy) -> None:
    now = policy.clock()
    exp = token.claims.get("exp", now)
    iat = token.claims.get("iat", now)
    nbf = token.claims.get("nbf", now)
    for at in (exp, iat, nbf):
        if type(at) not in {int, float} or not 0 <= at < YEAR_10000:
            raise RefusalError("A time in the token is not a number of seconds.")
    if now >= exp + policy.clock_skew:
        raise RefusalError("The token has expired.")
    if max(iat, nbf) > now + policy.clock_skew:
        raise RefusalError("The token is not valid yet.")


def required_claims(token: AccessToken, _: Policy) -> None:
    # RFC 9068 2.2. Printable, because databases and logs store client_id and sub.
    claims = token.claims
    complete = claims.keys() >= {"exp", "iat", "aud"} and isinstance(claims.get("scope", ""), str)
    for name in ("iss", "sub", "client_id", "jti"):
        text = claims.get(name)
        complete = complete and isinstance(text, str) and text != "" and text.isprintable()
    if not complete:
        raise RefusalError("A claim that RFC 9068 requires is missing or of the wrong type.")


# A check raises RefusalError if it refuses the token. What it returns is ignored.
Check = Callable[[AccessToken, Policy], None]
# To add a check of your own, write a function like those above, and name it here behind `required_claims`:
# only from there on is the token signed and complete. The log shows its name with hyphens.
CHECKS: tuple[Check, ...] = (
    size, well_formed, alg_allowed, crit, typ, kid_known, alg_fits_the_key, signature,
    issuer, audience, times, required_claims,
)  # fmt: skip
# A token that passed is remembered (remembered_tokens.py), and then only its key and these checks are checked
# again. If your check can change its mind, such as a deny list that changes, name it here too.
CHECKS_EACH_TIME: tuple[Check, ...] = (times,)


def verify(token: AccessToken, policy: Policy, checks: tuple[Check, ...] = CHECKS) -> AccessToken:
    """Return the token if it passes every check; raise RefusalError, or UnavailableError without keys."""
    for check in checks:
        name = check.__name__.replace("_", "-")
        try:
            check(token, policy)
        except (RefusalError, UnavailableError) as failure:
            failure.check = name
            raise
        policy.on_check(name, None)
    return token
