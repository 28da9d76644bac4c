"""DPoP: the sender of a request shows that it has the key that its token is bound to (RFC 9449 4.3 and 7).

Not here: tokens that are bound to nothing (proof_of_possession.py), nonces (dpop_nonces.py).
"""

import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from flask import Request
from jwt import PyJWTError

from .access_token import ALGORITHMS, IssuerKey
from .dpop_nonces import NonceKeyError, Nonces
from .proof_of_possession import Presented, ProofOfPossession
from .refusals import RefusalError, UnavailableError
from .strict_formats import base64url, json_object

TYPE = "dpop+jwt"
PROOF_ALGS = ("ES256", "EdDSA", "Ed25519")  # no RSA: its keys and signatures are too long for each request
WINDOW = 60  # seconds that a proof's iat may differ from our clock, in either direction
MAX_LENGTH = 4096  # characters
VISIBLE = re.compile("[!-~]+")  # the characters of a URL, and a few more
DEFAULT_PORTS = {"http": 80, "https": 443}
KEY_MEMBERS = ("crv", "kty", "x", "y")  # of an EC or OKP key, in the order of RFC 7638 3.3

# Records a proof by its digest until a Unix time, and returns whether it was there before: across all workers
# and replicas, by a constraint. A cache that forgets would let a proof be used again.
ProofSeen = Callable[[bytes, int], bool]


def dpop(
    audience: str, proof_seen: ProofSeen, *, nonces: Nonces | None = None, required: bool = False
) -> ProofOfPossession:
    """Return what `protect(app, …, possession=…)` needs to serve DPoP-bound tokens; if `required`, no others.

    `audience` is the URL of the API, whose host and port the proofs name. Other paths than its own are fine.
    """
    proofs = DpopProofs(audience.removesuffix(urlsplit(audience).path), proof_seen, nonces)
    bearer: dict[str, dict[str, str]] = {} if required else {"Bearer": {}}
    schemes = {**bearer, "DPoP": {"algs": " ".join(PROOF_ALGS)}}
    return ProofOfPossession({"jkt": proofs.confirm}, required, schemes)


@dataclass(frozen=True, slots=True)
class DpopProofs:
    """Checks the proofs of requests to the API at `origin`; with `nonces`, each must have one."""

    origin: str  # scheme, host and port of the API's public URL
    seen: ProofSeen
    nonces: Nonces | None = None
    clock: Callable[[], float] = time.time

    def confirm(self, request: Request, presented: Presented, jkt: Any) -> None:
        """Raise RefusalError unless the request has a proof, not used before, by the token's key."""
        if presented.scheme != "DPoP":
            raise RefusalError("The token is bound to a DPoP key: present it as DPoP, with a proof.", "proof")
        key, claims = _verified(request.headers.get("DPoP", ""))
        self._check_claims(claims, request)
        thumbprint = _thumbprint(key)
        _require(thumbprint == jkt, "is by another key than that of the token")
        ath = _digest(presented.compact.encode())
        _require(claims.get("ath") == ath, "is for another token")
        accepted_until = self._accepted_until(claims)
        proof = sha256(f"{thumbprint} {claims['jti']}".encode(errors="surrogatepass")).digest()
        # Longer than it is accepted here, since another host's clock may be behind.
        _require(not self.seen(proof, accepted_until + WINDOW), "was used before")

    def _check_claims(self, claims: dict[str, Any], request: Request) -> None:
        _require(isinstance(claims.get("jti"), str) and claims["jti"] != "", "has no jti")
        _require(claims.get("htm") == request.method, "is for another method")
        htu = claims.get("htu")
        url = self.origin + quote(request.path)
        named = normalised(htu) if isinstance(htu, str) else None
        _require(named is not None and named == normalised(url), "is for another URL")
        _require(type(claims.get("iat")) in {int, float}, "has no iat")

    def _accepted_until(self, claims: dict[str, Any]) -> int:
        """Return until when this proof is accepted: by our nonce or, without nonces, by its iat."""
        if self.nonces:
            try:
                return _expiry(claims.get("nonce"), self.nonces)
            except NonceKeyError as error:
                raise UnavailableError(str(error), "proof") from error
        issued_at = claims["iat"]
        now = self.clock()  # compared, not subtracted: the number may be too large for a float
        _require(now - WINDOW <= issued_at <= now + WINDOW, "is too old, or its clock is ahead")
        return int(issued_at) + WINDOW


def _expiry(nonce: Any, nonces: Nonces) -> int:
    """Return when a nonce of ours expires; raise RefusalError, which brings one, or NonceKeyError."""
    expiry = nonces.expiry(nonce) if isinstance(nonce, str) else None
    if expiry is None:
        reason = "The DPoP proof needs the nonce of this answer's DPoP-Nonce header."
        refusal = RefusalError(reason, "proof", error="use_dpop_nonce")
        refusal.scheme = "DPoP"
        refusal.headers["DPoP-Nonce"] = nonces.new()
        raise refusal
    return expiry


def _verified(proof: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the key that signed the proof, as a JWK, and its claims; raise RefusalError."""
    _require(proof != "", "is missing")
    _require(len(proof) <= MAX_LENGTH, f"is longer than {MAX_LENGTH} characters")
    try:
        header, claims, signature = [base64url(part) for part in proof.split(".")]
        members = json_object(header)
        claimed = json_object(claims)
    except ValueError:  # two DPoP headers arrive joined by a comma, and are no JWT
        raise _refusal("is not one JWT") from None
    alg = members.get("alg")
    _require(str(members.get("typ")).lower() == TYPE, f"is not of the type {TYPE}")
    _require(alg in PROOF_ALGS, f"is not signed by one of {', '.join(PROOF_ALGS)}")
    _require("crit" not in members, "has critical header parameters")  # RFC 7515 4.1.11: we know none
    key = _public_key(members.get("jwk"), str(alg))
    signed = proof.rpartition(".")[0].encode()
    _require(bool(key.Algorithm.verify(signed, key.key, signature)), "has a wrong signature")
    return key.jwk, claimed


def _public_key(member: Any, alg: str) -> IssuerKey:
    fits = isinstance(member, dict) and ALGORITHMS[alg].items() <= member.items()
    _require(fits and "d" not in member, "has no jwk for its alg, or a private one")
    public = {name: member[name] for name in KEY_MEMBERS if name in member}
    try:
        return IssuerKey(public, [alg])
    except (PyJWTError, ValueError, TypeError):
        raise _refusal("has a jwk that is no key") from None


def _thumbprint(key: dict[str, str]) -> str:
    """Return the thumbprint of a key (RFC 7638 3)."""
    return _digest(json.dumps(key, sort_keys=True, separators=(",", ":")).encode())


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise _refusal(problem)


def _refusal(problem: str) -> RefusalError:
    refusal = RefusalError(f"The DPoP proof {problem}.", "proof", error="invalid_dpop_proof")
    refusal.scheme = "DPoP"
    return refusal


def normalised(url: str) -> str | None:
    """Return a URL without query and fragment, normalised (RFC 3986 6.2.2, 6.2.3); None if it is none."""
    if not VISIBLE.fullmatch(url):  # urlsplit would drop line ends and leading blanks
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    path = quote(unquote(parts.path), safe="/:@!$&'()*+,;=~") or "/"
    return f"{parts.scheme}://{parts.hostname}:{port}{path}"
