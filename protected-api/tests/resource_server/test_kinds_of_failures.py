"""What this API answers to each kind of mistake that JWT libraries have had, in tokens and in proofs."""

import base64
import hmac
import json
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import ECAlgorithm
from protected_api.app import create_app
from protected_api.resource_server.dpop_proof import TYPE
from protected_api.settings import Settings

Sign = Callable[[bytes], bytes]
ES256 = ECAlgorithm(ECAlgorithm.SHA256)
STRANGER = ec.generate_private_key(ec.SECP256R1())
HOLDER = ec.generate_private_key(ec.SECP256R1())
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def encoded(data: bytes | str | dict[str, Any]) -> str:
    """Return base64url of bytes, of a text, or of the JSON of an object."""
    text = json.dumps(data) if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).rstrip(b"=").decode()


def public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    members = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {name: members[name] for name in ("crv", "kty", "x", "y")}


def by(key: ec.EllipticCurvePrivateKey) -> Sign:
    return lambda message: ES256.sign(message, key)


def by_hmac(secret: bytes) -> Sign:
    return lambda message: hmac.digest(secret, message, sha256)


@dataclass(frozen=True, slots=True)
class Good:
    """What a good token or proof consists of."""

    header: dict[str, Any]
    claims: dict[str, Any]
    key: ec.EllipticCurvePrivateKey

    def made(self, header: dict[str, Any] | None = None, claims: Any = None, sign: Sign | None = None) -> str:
        """Return it with changes, signed with its own key or by `sign`."""
        payload = claims if isinstance(claims, bytes) else self.claims | (claims or {})
        signing_input = f"{encoded(self.header | (header or {}))}.{encoded(payload)}"
        return f"{signing_input}.{encoded((sign or by(self.key))(signing_input.encode()))}"

    def secrets(self) -> list[bytes]:
        """Return the public key in the forms in which it has been taken for an HMAC secret."""
        public = self.key.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        jwk = json.dumps(public_jwk(self.key)).encode()
        return [pem, pem.strip(), b"\n" + pem, b" " + pem, b"\xef\xbb\xbf" + pem, b"# key\n" + pem, der, jwk]


def own_keys(good: Good) -> list[dict[str, Any]]:
    return [
        {"jwk": public_jwk(STRANGER)},
        {"jku": "http://127.0.0.1:1/"},
        {"x5u": "http://127.0.0.1:1/"},
        {"x5c": [encoded(good.secrets()[0])]},
    ]


def json_forms(good: Good) -> list[str]:
    protected, payload, signature = good.made().split(".")
    flattened = {"payload": payload, "protected": protected, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": protected, "signature": signature}]}
    return [encoded(flattened), encoded(general)]


def non_canonical(good: Good) -> list[str]:
    compact = good.made()
    stray = BASE64URL[BASE64URL.index(compact[-1]) + 1]
    return [f"{compact}==", compact[:-1] + stray]


def encrypted(**header: Any) -> str:
    return f"{encoded({'alg': 'dir', 'enc': 'A128GCM'} | header)}..AAAA.AAAA.AAAA"


# The part before a colon is the kind, in tests-e2e/standards/kinds_of_failures.toml.
FORGED: dict[str, Callable[[Good], list[str]]] = {
    "own-key: under a new kid": lambda good: [
        good.made({"kid": "mine"} | own, sign=by(STRANGER)) for own in own_keys(good)
    ],
    "own-key: under the kid of a known key": lambda good: [
        good.made(own, sign=by(STRANGER)) for own in own_keys(good)
    ],
    "hmac-with-public-key": lambda good: [
        good.made({"alg": "HS256"}, sign=by_hmac(secret)) for secret in good.secrets()
    ],
    "hmac-with-public-key: under the right alg": lambda good: [
        good.made(sign=by_hmac(secret)) for secret in good.secrets()
    ],
    "own-key: another than the token's": lambda good: [
        good.made({"jwk": public_jwk(STRANGER)}, sign=by(STRANGER))
    ],
    "empty-key": lambda good: [good.made({"alg": "HS256"}, sign=by_hmac(b""))],
    "empty-key: in the header": lambda good: [
        good.made({"jwk": {}}),
        good.made({"jwk": {"kty": "oct", "k": ""}}),
    ],
    "empty-signature": lambda good: [good.made(sign=lambda _: b"")],
    "non-canonical-signature": non_canonical,
    "unknown-crit": lambda good: [good.made({"crit": ["unknown"], "unknown": 1}), good.made({"crit": []})],
    "claim-shape: iss in a list": lambda good: [good.made(claims={"iss": [good.claims["iss"]]})],
    "claim-shape: aud as an object": lambda good: [good.made(claims={"aud": {good.claims["aud"]: 1}})],
    "claim-shape: exp as text": lambda good: [good.made(claims={"exp": str(good.claims["exp"])})],
    "claim-shape: client_id in a list": lambda good: [good.made(claims={"client_id": ["job"]})],
    "claim-shape: htu in a list": lambda good: [good.made(claims={"htu": [good.claims["htu"]]})],
    "claim-shape: jti as a number": lambda good: [good.made(claims={"jti": 1})],
    "claim-shape: ath in a list": lambda good: [good.made(claims={"ath": [good.claims["ath"]]})],
    "json-serialization": json_forms,
    "none-in-any-case": lambda good: [
        good.made({"alg": "".join(letters)}, sign=sign)
        for letters in product(*zip("none", "NONE", strict=True))
        for sign in (by(good.key), lambda _: b"")
    ],
    "compressed": lambda good: [
        good.made({"zip": "DEF"}, zlib.compress(json.dumps(good.claims).encode())[2:-4]),
        encrypted(zip="DEF"),
    ],
    "iteration-count: encrypted": lambda _: [encrypted(alg="PBES2-HS256+A128KW", p2c=2**31, p2s="AAAA")],
    "iteration-count: signed": lambda good: [good.made({"alg": "PBES2-HS256+A128KW", "p2c": 2**31})],
    "one-key-two-algorithms": lambda good: [good.made({"alg": "EdDSA"})],
    "one-key-two-algorithms: not allowed": lambda good: [
        good.made({"alg": alg}) for alg in ("ES384", "PS256")
    ],
}

NOT_CANONICAL = "The token is not three canonical base64url parts, of JSON objects with unique members."
ALG = "The algorithm of the token is not allowed."
SIGNATURE = "The signature of the token is wrong."
ACCESS_TOKENS = {
    "own-key: under a new kid": "The token names no key of the issuer.",
    "own-key: under the kid of a known key": SIGNATURE,
    "hmac-with-public-key": ALG,
    "hmac-with-public-key: under the right alg": SIGNATURE,
    "empty-key": ALG,
    "empty-signature": SIGNATURE,
    "non-canonical-signature": NOT_CANONICAL,
    "unknown-crit": "The token has critical header parameters.",
    "claim-shape: iss in a list": "The token is from another issuer.",
    "claim-shape: aud as an object": "The token is for another audience.",
    "claim-shape: exp as text": "A time in the token is not a number of seconds.",
    "claim-shape: client_id in a list": "A claim that RFC 9068 requires is missing or of the wrong type.",
    "json-serialization": NOT_CANONICAL,
    "none-in-any-case": ALG,
    "compressed": NOT_CANONICAL,
    "iteration-count: encrypted": NOT_CANONICAL,
    "iteration-count: signed": ALG,
    "one-key-two-algorithms": "The key of the token is for another algorithm.",
    "one-key-two-algorithms: not allowed": ALG,
}


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    return shared_issuer


@pytest.fixture(scope="module")
def app(shared_settings: Settings) -> Flask:
    """Return an API that takes DPoP too."""
    app = create_app(replace(shared_settings, dpop="1"))
    app.extensions["keys"].refresh()
    return app


def read(client: FlaskClient, **headers: str) -> Any:
    return client.get("/timesheets", headers=headers)


@pytest.mark.requirement(
    "RFC 8725 3.6 no compression",
    "RFC 8725 rewrite: none in any case",
    "RFC 8725 rewrite: one serialization",
    "RFC 8725 rewrite: work factors",
)
@pytest.mark.kinds_of_failures("access-token", ACCESS_TOKENS)
@pytest.mark.parametrize("kind", ACCESS_TOKENS)
def test_each_kind_of_failure_of_an_access_token(client: FlaskClient, issuer: Any, kind: str) -> None:
    good = Good(issuer.header(alg="ES256", kid="ec"), issuer.claims(), issuer.private["ec"])
    for compact in FORGED[kind](good):
        response = read(client, Authorization=f"Bearer {compact}")
        assert response.status_code == 401
        assert response.json == {"error": "invalid_token", "error_description": ACCESS_TOKENS[kind]}
    assert read(client, Authorization=f"Bearer {good.made()}").status_code == 200


NO_JWT = "The DPoP proof is not one JWT."
PROOF_ALG = "The DPoP proof is not signed by one of ES256, EdDSA, Ed25519."
NO_JWK = "The DPoP proof has no jwk for its alg, or a private one."
PROOF_SIGNATURE = "The DPoP proof has a wrong signature."
PROOFS = {
    "own-key: another than the token's": "The DPoP proof is by another key than that of the token.",
    "hmac-with-public-key": PROOF_ALG,
    "hmac-with-public-key: under the right alg": PROOF_SIGNATURE,
    "empty-key": PROOF_ALG,
    "empty-key: in the header": NO_JWK,
    "empty-signature": PROOF_SIGNATURE,
    "non-canonical-signature": NO_JWT,
    "unknown-crit": "The DPoP proof has critical header parameters.",
    "claim-shape: htu in a list": "The DPoP proof is for another URL.",
    "claim-shape: jti as a number": "The DPoP proof has no jti.",
    "claim-shape: ath in a list": "The DPoP proof is for another token.",
    "json-serialization": NO_JWT,
    "none-in-any-case": PROOF_ALG,
    "compressed": NO_JWT,
    "iteration-count: encrypted": NO_JWT,
    "iteration-count: signed": PROOF_ALG,
    "one-key-two-algorithms": NO_JWK,
    "one-key-two-algorithms: not allowed": PROOF_ALG,
}


def proof_of(token: str) -> Good:
    """Return a good proof of a read with this token, which is new each time."""
    claims = {"htm": "GET", "htu": "http://localhost:9001/timesheets", "iat": int(time.time())}
    claims |= {"jti": str(time.perf_counter_ns()), "ath": encoded(sha256(token.encode()).digest())}
    return Good({"typ": TYPE, "alg": "ES256", "jwk": public_jwk(HOLDER)}, claims, HOLDER)


@pytest.mark.requirement("RFC 8725 rewrite: none in any case")
@pytest.mark.kinds_of_failures("proof-at-the-api", PROOFS)
@pytest.mark.parametrize("kind", PROOFS)
def test_each_kind_of_failure_of_a_proof(client: FlaskClient, issuer: Any, kind: str) -> None:
    jwk = json.dumps(public_jwk(HOLDER), sort_keys=True, separators=(",", ":"))
    token = issuer.token(cnf={"jkt": encoded(sha256(jwk.encode()).digest())})
    for proof in FORGED[kind](proof_of(token)):
        response = read(client, Authorization=f"DPoP {token}", DPoP=proof)
        assert response.status_code == 401
        assert response.json == {"error": "invalid_dpop_proof", "error_description": PROOFS[kind]}
    good = read(client, Authorization=f"DPoP {token}", DPoP=proof_of(token).made())
    assert good.status_code == 200
