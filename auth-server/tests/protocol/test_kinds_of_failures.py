"""The kinds of mistakes that JWT libraries have had: what this server answers to each, wherever it reads one.

A client's own assertion, the token of a platform, a DPoP proof, and an access token that is asked about.
"""

import base64
import hmac
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.protocol.client_assertion import ASSERTION_TYPE
from auth_server.protocol.federated_assertion import federated_clients
from auth_server.signatures import signer
from auth_server.startup import Service, apply, open_service
from flask import Flask
from joserfc import jwk
from joserfc.jwk import Key, OctKey
from werkzeug.test import TestResponse

pytestmark = pytest.mark.long
Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]
Sign = Callable[[bytes], bytes]
ISSUER, PLATFORM = "https://issuer.example", "https://platform.example"
STRANGER = jwk.generate_key("EC", "P-256")
BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def service(environ: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """Open a service with DPoP, for which a platform vouches for the client `pod`."""
    federated = f'issuer: "{PLATFORM}", subject: import-job, jwks_file: bot.json'
    pod = f"  - {{client_id: pod, name: Pod, federated: {{{federated}}}}}\ngrants:\n"
    grant = '  - {client: pod, audience: "https://rs.example", scopes: [read]}\n'
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("grants:\n", pod, 1) + grant)
    service = open_service(environ | {"DPOP": "1"})
    apply(service)
    yield service
    service.engine.dispose()


@pytest.fixture
def app(service: Service) -> Flask:
    return create_app(service, federated_clients)


def encoded(data: bytes | str | dict[str, Any]) -> str:
    """Return base64url of bytes, of a text, or of the JSON of an object."""
    text = json.dumps(data) if isinstance(data, dict) else data
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).rstrip(b"=").decode()


def decoded(part: str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=="))
    return members


def by_hmac(secret: bytes) -> Sign:
    return lambda message: hmac.digest(secret, message, sha256)


def changed(part: str, changes: dict[str, Any]) -> str:
    """Return a part with changes; without any, as it stands."""
    return encoded(decoded(part) | changes) if changes else part


@dataclass(frozen=True, slots=True)
class Good:
    """What something good consists of: a signed JWT, how it is signed, and the key that verifies it."""

    compact: str
    sign: Sign
    public: Key

    def made(
        self,
        header: dict[str, Any] | None = None,
        claims: dict[str, Any] | None = None,
        sign: Sign | None = None,
    ) -> str:
        """Return it with changes, signed as it is or by `sign`."""
        protected, payload, _ = self.compact.split(".")
        signing_input = f"{changed(protected, header or {})}.{changed(payload, claims or {})}"
        return f"{signing_input}.{encoded((sign or self.sign)(signing_input.encode()))}"

    def secrets(self) -> list[bytes]:
        """Return the public key in the forms in which it has been taken for an HMAC secret."""
        assert not isinstance(self.public, OctKey)
        pem = self.public.as_bytes("PEM", private=False)
        public_jwk = json.dumps(self.public.as_dict(private=False)).encode()
        prefixed = [prefix + pem for prefix in (b"", b"\n", b" ", b"\xef\xbb\xbf", b"# key\n")]
        return [*prefixed, pem.strip(), self.public.as_bytes("DER", private=False), public_jwk]


def own_keys(good: Good, **header: Any) -> list[str]:
    """Return it signed with a key that its header brings, in each way that a header can bring one."""
    keys: list[dict[str, Any]] = [
        {"jwk": STRANGER.as_dict(private=False)},
        {"jku": "http://127.0.0.1:1/"},
        {"x5u": "http://127.0.0.1:1/"},
        {"x5c": ["MIIB"]},
    ]
    return [good.made(header | key, sign=signer(STRANGER)) for key in keys]


def json_forms(good: Good) -> list[str]:
    protected, payload, signature = good.compact.split(".")
    flattened = {"payload": payload, "protected": protected, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": protected, "signature": signature}]}
    return [form for each in (flattened, general) for form in (json.dumps(each), encoded(each))]


def non_canonical(good: Good) -> list[str]:
    stray = BASE64URL[BASE64URL.index(good.compact[-1]) + 1]
    return [f"{good.compact}==", good.compact[:-1] + stray, f"{good.compact[:-1]}~{good.compact[-1]}"]


def compressed(good: Good) -> list[str]:
    payload = json.dumps(decoded(good.compact.split(".")[1])).encode()
    signing_input = f"{encoded({**decoded(good.compact.split('.')[0]), 'zip': 'DEF'})}.{deflated(payload)}"
    return [f"{signing_input}.{encoded(good.sign(signing_input.encode()))}", encrypted(zip="DEF")]


def deflated(data: bytes) -> str:
    return encoded(zlib.compress(data)[2:-4])


def encrypted(**header: Any) -> str:
    return f"{encoded({'alg': 'dir', 'enc': 'A128GCM'} | header)}..AAAA.AAAA.AAAA"


NONES = ["".join(letters) for letters in product(*zip("none", "NONE", strict=True))]
# The part before a colon is the kind, in tests-e2e/standards/kinds_of_failures.toml.
FORGED: dict[str, Callable[[Good], list[str]]] = {
    "own-key: under a new kid": lambda good: own_keys(good, kid="mine"),
    "own-key: under the kid of a known key": own_keys,
    "hmac-with-public-key": lambda good: [
        good.made({"alg": "HS256"}, sign=by_hmac(secret)) for secret in good.secrets()
    ],
    "hmac-with-public-key: under the right alg": lambda good: [
        good.made(sign=by_hmac(secret)) for secret in good.secrets()
    ],
    "empty-key": lambda good: [good.made({"alg": "HS256"}, sign=by_hmac(b""))],
    "empty-key: in the header": lambda good: [
        good.made({"jwk": empty}) for empty in ({}, {"kty": "oct", "k": ""})
    ],
    "empty-signature": lambda good: [good.made(sign=lambda _: b"")],
    "non-canonical-signature": non_canonical,
    "unknown-crit": lambda good: [good.made({"crit": ["unknown"], "unknown": 1}), good.made({"crit": []})],
    "claim-shape: iss and sub in lists": lambda good: [good.made(claims={"iss": ["bot"], "sub": ["bot"]})],
    "claim-shape: iss in a list": lambda good: [good.made(claims={"iss": [PLATFORM]})],
    "claim-shape: aud as an object": lambda good: [good.made(claims={"aud": {ISSUER: 1}})],
    "claim-shape: exp as text": lambda good: [good.made(claims={"exp": "9999999999"})],
    "claim-shape: htu in a list": lambda good: [good.made(claims={"htu": [f"{ISSUER}/oauth/token"]})],
    "claim-shape: jti as a number": lambda good: [good.made(claims={"jti": 1})],
    "json-serialization": json_forms,
    "none-in-any-case": lambda good: [good.made({"alg": none}) for none in NONES],
    "none-in-any-case: without a signature": lambda good: [
        good.made({"alg": none}, sign=lambda _: b"") for none in NONES
    ],
    "compressed": compressed,
    "iteration-count: encrypted": lambda _: [encrypted(alg="PBES2-HS256+A128KW", p2c=2**31, p2s="AAAA")],
    "iteration-count: signed": lambda good: [good.made({"alg": "PBES2-HS256+A128KW", "p2c": 2**31})],
    "one-key-two-algorithms": lambda good: [good.made({"alg": "EdDSA"})],
    "one-key-two-algorithms: not allowed": lambda good: [
        good.made({"alg": alg}) for alg in ("ES384", "PS256")
    ],
}


def assert_refused(response: TestResponse, line: dict[str, Any], reason: str) -> None:
    """Expect the one answer to every failed authentication, and the reason in the log alone."""
    body = {"error": "invalid_client", "error_description": "Client authentication failed."}
    assert (response.status_code, response.get_json()) == (401, body)
    assert line["reason"] == reason


MALFORMED = "client_assertion: malformed"
ALG = "client_assertion: the alg is not one of RS256, ES256, EdDSA, Ed25519"
CRIT = "client_assertion: crit is not understood"
CLIENT_ASSERTIONS = {
    "own-key: under a new kid": "no key of the client has this kid",
    "own-key: under the kid of a known key": "wrong signature",
    "hmac-with-public-key": ALG,
    "hmac-with-public-key: under the right alg": "wrong signature",
    "empty-key": ALG,
    "empty-signature": MALFORMED,
    "non-canonical-signature": MALFORMED,
    "unknown-crit": CRIT,
    "claim-shape: iss and sub in lists": "client_assertion: iss and sub are not one client_id",
    "claim-shape: aud as an object": "client_assertion: the aud is missing or wrong",
    "claim-shape: exp as text": "client_assertion: the exp is missing or wrong",
    "json-serialization": MALFORMED,
    "none-in-any-case": ALG,
    "none-in-any-case: without a signature": MALFORMED,
    "compressed": MALFORMED,
    "iteration-count: encrypted": MALFORMED,
    "iteration-count: signed": ALG,
    "one-key-two-algorithms": "no key of the client has this kid",
    "one-key-two-algorithms: not allowed": ALG,
}


def signed(claims: dict[str, Any], key: Key, **header: Any) -> Good:
    """Return something good that expires in a minute and has not been used."""
    now = int(time.time())
    times = {"iat": now, "exp": now + 60, "jti": str(time.perf_counter_ns())}
    blank = Good(f"{encoded({'alg': 'ES256'} | header)}.{encoded(times | claims)}.", signer(key), key)
    return Good(blank.made(), signer(key), key)


def assertion(compact: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": compact}


@pytest.mark.requirement(
    "RFC 8725 3.6 no compression",
    "RFC 8725 rewrite: none in any case",
    "RFC 8725 rewrite: one serialization",
    "RFC 8725 rewrite: work factors",
)
@pytest.mark.kinds_of_failures("client-assertion", CLIENT_ASSERTIONS)
@pytest.mark.parametrize("kind", CLIENT_ASSERTIONS)
def test_each_kind_of_failure_of_a_client_assertion(
    ask: Ask, private_keys: dict[str, Key], log_lines: LogLines, kind: str
) -> None:
    claims = {"iss": "bot", "sub": "bot", "aud": ISSUER}
    good = signed(claims, private_keys["ES256"], kid="ES256")
    for compact in FORGED[kind](good):
        assert_refused(ask(assertion(compact), auth=None), log_lines()[-1], CLIENT_ASSERTIONS[kind])
    assert ask(assertion(good.compact), auth=None).status_code == 200


NO_KEY = "client_assertion: no ES256 key of https://platform.example has this kid"
WRONG_SIGNATURE = "client_assertion: wrong signature"
PLATFORM_TOKENS = {
    "own-key: under a new kid": NO_KEY,
    "own-key: under the kid of a known key": WRONG_SIGNATURE,
    "hmac-with-public-key": ALG,
    "hmac-with-public-key: under the right alg": WRONG_SIGNATURE,
    "empty-key": ALG,
    "empty-signature": MALFORMED,
    "non-canonical-signature": MALFORMED,
    "unknown-crit": CRIT,
    "claim-shape: iss in a list": "client_assertion: the iss is missing or not a name",
    "claim-shape: aud as an object": "client_assertion: another audience",
    "claim-shape: exp as text": "client_assertion: the exp is missing or past",
    "json-serialization": MALFORMED,
    "none-in-any-case": ALG,
    "none-in-any-case: without a signature": MALFORMED,
    "compressed": MALFORMED,
    "iteration-count: encrypted": MALFORMED,
    "iteration-count: signed": ALG,
    "one-key-two-algorithms": "client_assertion: no EdDSA key of https://platform.example has this kid",
    "one-key-two-algorithms: not allowed": ALG,
}


@pytest.mark.kinds_of_failures("platform-token", PLATFORM_TOKENS)
@pytest.mark.parametrize("kind", PLATFORM_TOKENS)
def test_each_kind_of_failure_of_a_platforms_token(
    ask: Ask, private_keys: dict[str, Key], log_lines: LogLines, kind: str
) -> None:
    claims = {"iss": PLATFORM, "sub": "import-job", "aud": ISSUER}
    good = signed(claims, private_keys["ES256"], kid="ES256")
    for compact in FORGED[kind](good):
        assert_refused(ask(assertion(compact), auth=None), log_lines()[-1], PLATFORM_TOKENS[kind])
    assert ask(assertion(good.compact), auth=None).status_code == 200


NO_JWT = "The DPoP header is not one JWT."
PROOF_ALG = "The DPoP proof is not signed by one of ES256, EdDSA, Ed25519."
NO_JWK = "The DPoP proof has no jwk for its alg, or a private one."
PROOFS = {
    "hmac-with-public-key": PROOF_ALG,
    "hmac-with-public-key: under the right alg": "The DPoP proof has a wrong signature.",
    "empty-key": PROOF_ALG,
    "empty-key: in the header": NO_JWK,
    "empty-signature": NO_JWT,
    "non-canonical-signature": NO_JWT,
    "unknown-crit": "The DPoP proof has critical header parameters.",
    "claim-shape: htu in a list": "The DPoP proof is for another URL.",
    "claim-shape: jti as a number": "The DPoP proof has no jti.",
    "json-serialization": NO_JWT,
    "none-in-any-case": PROOF_ALG,
    "none-in-any-case: without a signature": NO_JWT,
    "compressed": NO_JWT,
    "iteration-count: encrypted": NO_JWT,
    "iteration-count: signed": PROOF_ALG,
    "one-key-two-algorithms": NO_JWK,
    "one-key-two-algorithms: not allowed": PROOF_ALG,
}


@pytest.mark.requirement("RFC 8725 rewrite: none in any case")
@pytest.mark.kinds_of_failures("proof-at-the-authorization-server", PROOFS)
@pytest.mark.parametrize("kind", PROOFS)
def test_each_kind_of_failure_of_a_proof(ask: Ask, private_keys: dict[str, Key], kind: str) -> None:
    key = private_keys["ES256"]
    public = {name: value for name, value in key.as_dict(private=False).items() if name != "kid"}
    claims = {"htm": "POST", "htu": f"{ISSUER}/oauth/token"}
    good = signed(claims, key, typ="dpop+jwt", jwk=public)
    for compact in FORGED[kind](good):
        response = ask(headers={"DPoP": compact})
        body = {"error": "invalid_dpop_proof", "error_description": PROOFS[kind]}
        assert (response.status_code, response.get_json()) == (400, body)
    assert ask(headers={"DPoP": good.compact}).get_json()["token_type"] == "DPoP"


NOT_OURS = "not signed with a key of this server"
INTROSPECTED = {
    "own-key: under a new kid": NOT_OURS,
    "own-key: under the kid of a known key": NOT_OURS,
    "hmac-with-public-key": NOT_OURS,
    "hmac-with-public-key: under the right alg": "wrong signature",
    "empty-key": NOT_OURS,
    "empty-signature": "wrong signature",
    "non-canonical-signature": "wrong signature",
    "unknown-crit": NOT_OURS,
    "json-serialization": NOT_OURS,
    "none-in-any-case": NOT_OURS,
    "none-in-any-case: without a signature": NOT_OURS,
    "compressed": NOT_OURS,
    "iteration-count: encrypted": NOT_OURS,
    "iteration-count: signed": NOT_OURS,
    "one-key-two-algorithms": NOT_OURS,
    "one-key-two-algorithms: not allowed": NOT_OURS,
}


@pytest.mark.kinds_of_failures("introspected-token", INTROSPECTED)
@pytest.mark.parametrize("kind", INTROSPECTED)
def test_each_kind_of_failure_of_a_token_that_is_asked_about(
    service: Service, make_token: Callable[..., str], introspect: Ask, log_lines: LogLines, kind: str
) -> None:
    key = service.keys.current("RS256")
    good = Good(make_token(), key.sign, key.key)
    for compact in FORGED[kind](good):
        assert introspect(compact).get_json() == {"active": False}
        assert log_lines()[-1]["reason"] == INTROSPECTED[kind]
    assert introspect(good.compact).get_json()["active"] is True
