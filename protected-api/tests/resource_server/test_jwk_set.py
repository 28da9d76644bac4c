"""The usable keys of a set count, whatever else is in it (RFC 7517 5)."""

import base64
import json
import secrets
from math import prod
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from protected_api.resource_server.jwk_set import usable_keys

WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505  (it is refused because of its size)
P384 = ec.generate_private_key(ec.SECP384R1())
KIND = "not for an algorithm that we allow"


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    return shared_issuer


@pytest.fixture
def app(shared_app: Flask) -> Flask:
    return shared_app


def each(*values: Any) -> tuple[Any, ...]:
    return values


# The key from which a bad member is made, its one change, and the reason in the log.
BAD_MEMBERS: list[tuple[str, dict[str, Any], str]] = [
    *[("rsa", {"kid": kid}, "not an object with a kid") for kid in each(None, 1, ["rsa"], {})],
    *[("rsa", {"kty": kty}, KIND) for kty in each(None, "oct", "rsa", "XYZ", ["RSA"], {})],
    *[("rsa", {"alg": alg}, KIND) for alg in each("RS512", "PS256", "HS256", "none", 1, None, [])],
    *[("rsa", {"use": use}, "not for signatures") for use in each("enc", "", 1, None, ["sig"])],
    *[("rsa", {"key_ops": ops}, "not for signatures") for ops in each(["sign"], [], "verify", None)],
    *[("rsa", {"n": n}, "not a public key") for n in each(None, 1, "", "!", [], "AQAB")],
    *[("rsa", {"e": e}, "not a public key") for e in each(None, 1, "", "AA", "AQ", "Ag")],
    ("rsa", {"d": "AQAB"}, "a private key"),
    *[("ec", {"crv": crv}, KIND) for crv in each(None, "P-384", "secp256k1", 1, [])],
    *[("ec", {"x": x}, "not a public key") for x in each(None, 1, "", "AA", "A" * 43)],
    ("ed", {"crv": "Ed448"}, KIND),
    ("ed", {"alg": "Ed448"}, KIND),
    *[("ed", {"x": x}, "not a public key") for x in each(None, 1, "", "AA")],
]


@pytest.mark.requirement(
    "RFC 7517 4.2 use",
    "RFC 7517 4.3 key_ops",
    "RFC 7518 6.2.1 point",
    "RFC 8725 3.4 inputs",
)
@pytest.mark.parametrize(("kid", "changes", "reason"), BAD_MEMBERS)
def test_skips_a_member_that_is_not_a_usable_key(
    issuer: Any, caplog: pytest.LogCaptureFixture, kid: str, changes: dict[str, Any], reason: str
) -> None:
    keys = usable_keys({"keys": [issuer.jwk(kid) | {"kid": "bad"} | changes, issuer.jwk("rsa")]}, {})
    assert list(keys) == ["rsa"]
    assert [vars(record)["reason"] for record in caplog.records if record.message == "key skipped"] == [
        reason
    ]


@pytest.mark.requirement("RFC 7517 5 unknown keys")
@pytest.mark.parametrize(("kid", "changes"), [(kid, changes) for kid, changes, _ in BAD_MEMBERS])
def test_a_bad_member_verifies_no_token_and_spoils_no_other_key(
    app: Flask, issuer: Any, kid: str, changes: dict[str, Any]
) -> None:
    """Only its one change makes the member unusable: without the change it verifies the token."""
    keys, client = app.extensions["keys"], app.test_client()
    alg = issuer.jwk(kid)["alg"]
    token = issuer.sign(json.dumps(issuer.header(kid="bad", alg=alg)), json.dumps(issuer.claims()), kid)

    def statuses(**changes: Any) -> list[int]:
        issuer.key_set = {"keys": [issuer.jwk(kid) | {"kid": "bad"} | changes, issuer.jwk("rsa")]}
        keys.refresh()
        headers = [{"Authorization": f"Bearer {each}"} for each in (token, issuer.token())]
        return [client.get("/timesheets", headers=each).status_code for each in headers]

    assert statuses(**changes) == [401, 200]
    assert statuses() == [200, 200]


def test_there_are_more_than_fifty_bad_members() -> None:
    assert len(BAD_MEMBERS) > 50


@pytest.mark.requirement("RFC 7518 3.3 RSA size", "RFC 8725 3.5 entropy")
def test_skips_an_rsa_key_under_2048_bits(issuer: Any, caplog: pytest.LogCaptureFixture) -> None:
    weak = {**RSAAlgorithm.to_jwk(WEAK.public_key(), as_dict=True), "kid": "weak"}
    assert list(usable_keys({"keys": [weak, issuer.jwk("ec")]}, {})) == ["ec"]
    assert "an RSA key under 2048 bits" in [vars(record).get("reason") for record in caplog.records]


def power_of_65537(bits: int) -> int:
    """Return a number that is a power of 65537 modulo each small prime, as the modulus of a ROCA key is."""
    small_primes = [n for n in range(2, 168) if all(n % divisor for divisor in range(2, n))]
    primorial = prod(small_primes)
    power: int = pow(65537, secrets.randbelow(primorial), primorial)
    return power + primorial * ((1 << bits) // primorial)


def rsa_jwk(modulus: int) -> dict[str, Any]:
    public = rsa.RSAPublicNumbers(65537, modulus).public_key()
    return {**RSAAlgorithm.to_jwk(public, as_dict=True), "kid": "k"}


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_skips_a_roca_key(caplog: pytest.LogCaptureFixture, bits: int) -> None:
    assert usable_keys({"keys": [rsa_jwk(power_of_65537(bits))]}, {}) == {}
    reasons = [vars(record).get("reason") for record in caplog.records]
    assert reasons == ["an RSA key that its modulus gives away (ROCA, CVE-2017-15361)"]


def test_takes_an_rsa_key_that_leaves_one_other_remainder() -> None:
    """11 is one of the primes whose remainders tell: the powers of 65537 leave only 1 and 10."""
    modulus = power_of_65537(2048)
    primes_but_11 = prod(n for n in range(2, 168) if n != 11 and all(n % divisor for divisor in range(2, n)))
    assert list(usable_keys({"keys": [rsa_jwk(modulus + primes_but_11)]}, {})) == ["k"]


def test_takes_ordinary_rsa_keys(issuer: Any) -> None:
    """The moduli are what those of fresh keys look like: odd, of 2048 bits, without small factors."""
    fresh = [rsa.generate_private_key(65537, 2048).public_key().public_numbers().n for _ in range(3)]
    random = [secrets.randbits(2048) | 1 << 2047 | 1 for _ in range(200)]
    for modulus in [issuer.private["rsa"].public_key().public_numbers().n, *fresh, *random]:
        assert list(usable_keys({"keys": [rsa_jwk(modulus)]}, {})) == ["k"]


def test_skips_a_key_of_another_curve(issuer: Any) -> None:
    p384 = {**ECAlgorithm.to_jwk(P384.public_key(), as_dict=True), "kid": "p384"}
    assert list(usable_keys({"keys": [p384, issuer.jwk("ed")]}, {})) == ["ed"]


@pytest.mark.parametrize("member", [None, 1, "key", [], {}])
def test_skips_a_member_that_is_not_a_key_at_all(issuer: Any, member: Any) -> None:
    assert list(usable_keys({"keys": [member, issuer.jwk("rsa")]}, {})) == ["rsa"]


def test_uses_the_first_of_two_keys_with_one_kid(issuer: Any) -> None:
    keys = usable_keys({"keys": [issuer.jwk("rsa", kid="k"), issuer.jwk("ec", kid="k")]}, {})
    assert keys["k"].algorithms == ["RS256"]


@pytest.mark.requirement("RFC 7517 5 unknown members")
def test_accepts_a_key_without_alg_and_use_and_ignores_other_members(issuer: Any) -> None:
    member = issuer.jwk("rsa", x5c=["..."], crv="P-256", key_ops=["verify"])
    del member["alg"], member["use"]
    assert usable_keys({"keys": [member]}, {})["rsa"].algorithms == ["RS256"]


@pytest.mark.requirement("RFC 7517 4.4 alg", "RFC 9864 2.2 Ed25519")
@pytest.mark.parametrize(
    ("named", "taken"),
    [("EdDSA", ["EdDSA"]), ("Ed25519", ["Ed25519"]), (None, ["EdDSA", "Ed25519"])],
)
def test_takes_eddsa_and_ed25519_as_two_algorithms_of_one_kind_of_key(
    app: Flask, issuer: Any, named: str | None, taken: list[str]
) -> None:
    """A key that names one of them is for it alone (RFC 7517 4.4); a key that names none is for both."""
    member = {name: value for name, value in issuer.jwk("ed", alg=named).items() if value is not None}
    issuer.key_set = {"keys": [member]}
    app.extensions["keys"].refresh()
    served = []
    for alg in ("EdDSA", "Ed25519"):
        token = issuer.token({"alg": alg, "kid": "ed"})
        response = app.test_client().get("/timesheets", headers={"Authorization": f"Bearer {token}"})
        served += [alg] if response.status_code == 200 else []
    assert served == taken


def test_keeps_the_object_of_an_unchanged_key_and_replaces_a_changed_one(issuer: Any) -> None:
    known = usable_keys({"keys": [issuer.jwk("rsa"), issuer.jwk("ec")]}, {})
    again = usable_keys({"keys": [issuer.jwk("rsa"), issuer.jwk("ed", kid="ec")]}, known)
    assert again["rsa"] is known["rsa"]
    assert again["ec"] is not known["ec"]


def test_replaces_a_key_whose_algorithm_has_changed(issuer: Any) -> None:
    known = usable_keys({"keys": [issuer.jwk("ed")]}, {})
    assert usable_keys({"keys": [issuer.jwk("ed", alg="Ed25519")]}, known)["ed"] is not known["ed"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=5,
)
BASE64URL = st.binary(max_size=300).map(lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode())


@pytest.mark.fuzz
@given(
    st.dictionaries(st.sampled_from(["kid", "alg", "use", "key_ops"]), JSON),
    st.sampled_from([{"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}, {"kty": "OKP", "crv": "Ed25519"}]),
    st.dictionaries(st.sampled_from(["n", "e", "x", "y", "oth", "k"]), JSON | BASE64URL),
)
def test_reads_a_set_with_any_generated_member(
    common: dict[str, Any], kind: dict[str, Any], numbers: dict[str, Any]
) -> None:
    usable_keys({"keys": [{"kid": "k"} | common | kind | numbers]}, {})


@pytest.mark.parametrize("document", [[], {}, {"keys": {}}], ids=str)
def test_says_that_a_document_is_no_key_set(document: Any) -> None:
    with pytest.raises(ValueError, match=r"^not a JWK set$"):
        usable_keys(document, {})
