"""A DPoP proof of a token request: who sends it has the key that the token is bound to (RFC 9449 4 and 5).

Not here: nonces (dpop_nonces.py), reading a JWT (compact_jws.py).
"""

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jwk import Key

from auth_server.algorithms import KEY_KINDS
from auth_server.dpop_nonces import Nonces
from auth_server.errors import InvalidDpopProofError, UseDpopNonceError
from auth_server.expiring_rows import ExpiringRows
from auth_server.protocol.compact_jws import CompactJws, read_jws
from auth_server.server_timing import checking
from auth_server.signatures import is_signed

TYPE = "dpop+jwt"
# No RSA: its keys and signatures make every request a kilobyte longer. The second name is RFC 9864's.
PROOF_ALGS: Mapping[str, str] = {"ES256": "ES256", "EdDSA": "EdDSA", "Ed25519": "EdDSA"}
WINDOW = 60  # seconds that a proof's iat may differ from our clock, in either direction
MOST_CHARACTERS = 4096
_KEY_MEMBERS = ("kty", "crv", "x", "y")  # of a public EC or OKP key (RFC 7518 6.2.1, RFC 8037 2)
_VISIBLE = re.compile("[!-~]+")  # the characters of a URL, and a few more
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class DpopProofs:
    """Checks the proofs of requests for one URL; with `nonces`, each must have one; `now` in Unix time."""

    url: str
    seen: ExpiringRows
    nonces: Nonces | None = None
    now: Callable[[], float] = time.time

    def bound_key(self, proof: str) -> str:
        """Return the thumbprint (RFC 7638) of the key that the proof shows; raise InvalidDpopProofError."""
        checking("proof")
        if len(proof) > MOST_CHARACTERS:
            raise InvalidDpopProofError(f"The DPoP proof is longer than {MOST_CHARACTERS} characters.")
        try:
            jws = read_jws(proof)  # two DPoP headers arrive joined by a comma, and are no JWS
        except ValueError:
            raise InvalidDpopProofError("The DPoP header is not one JWT.") from None
        key = _proven_key(jws)
        self._check_claims(jws.claims)
        accepted_until = self._accepted_until(jws.claims)
        thumbprint = str(key.thumbprint())
        proof_id = f"{thumbprint} {jws.claims['jti']}".encode(errors="surrogatepass")
        row = {"proof_digest": hashlib.sha256(proof_id).digest(), "expires_at": accepted_until + WINDOW}
        if not self.seen.add(row):
            raise InvalidDpopProofError("The DPoP proof was used before.")
        return thumbprint

    def answer_headers(self) -> dict[str, str]:
        """Return the headers of an answer: the nonce of the next request, if nonces are demanded."""
        return {"DPoP-Nonce": self.nonces.new()} if self.nonces else {}

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        jti = claims.get("jti")
        _require(isinstance(jti, str) and jti != "", "has no jti")
        _require(claims.get("htm") == "POST", "is for another method")
        htu = claims.get("htu")
        named = normalised(htu) if isinstance(htu, str) else None
        _require(named is not None and named == normalised(self.url), "is for another URL")
        _require(type(claims.get("iat")) in (int, float), "has no iat")

    def _accepted_until(self, claims: Mapping[str, Any]) -> int:
        """Return until when this proof is accepted: by our nonce or, without nonces, by its iat."""
        if self.nonces:
            nonce = claims.get("nonce")
            expiry = self.nonces.expiry(nonce) if isinstance(nonce, str) else None
            if expiry is None:
                raise UseDpopNonceError(headers=self.answer_headers())
            return expiry
        issued_at = claims["iat"]
        now = self.now()  # compared, not subtracted: the number may be too large for a float
        _require(now - WINDOW <= issued_at <= now + WINDOW, "is too old, or its clock is ahead")
        return int(issued_at) + WINDOW


def _proven_key(jws: CompactJws) -> Key:
    """Return the key of the header, which has signed the proof; raise InvalidDpopProofError."""
    header = jws.header
    alg = PROOF_ALGS.get(str(header.get("alg")), "")
    _require(str(header.get("typ")).lower() == TYPE, f"is not of the type {TYPE}")
    _require(alg != "", f"is not signed by one of {', '.join(PROOF_ALGS)}")
    _require("crit" not in header, "has critical header parameters")  # RFC 7515 4.1.11: we know none
    key = _public_key(header.get("jwk"), alg)
    _require(is_signed(jws.signing_input, jws.signature, key), "has a wrong signature")
    return key


def _public_key(member: Any, alg: str) -> Key:
    is_public = isinstance(member, dict) and "d" not in member
    if not is_public or (member.get("kty"), member.get("crv")) != KEY_KINDS[alg]:
        raise InvalidDpopProofError("The DPoP proof has no jwk for its alg, or a private one.")
    public = {name: member[name] for name in _KEY_MEMBERS if name in member}
    try:
        key = jwk.import_key(public)
        key.get_op_key("verify")  # parses the numbers, which importing does not
    except (JoseError, ValueError, TypeError):
        raise InvalidDpopProofError("The DPoP proof has a jwk that is no key.") from None
    return key


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise InvalidDpopProofError(f"The DPoP proof {problem}.")


def normalised(url: str) -> str | None:
    """Return a URL without query and fragment, normalised (RFC 3986 6.2.2, 6.2.3); None if it is none."""
    if not _VISIBLE.fullmatch(url):  # urlsplit would drop line ends and leading blanks
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    path = quote(unquote(parts.path), safe="/:@!$&'()*+,;=~") or "/"
    return f"{parts.scheme}://{parts.hostname}:{port}{path}"
