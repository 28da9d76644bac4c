"""A corpus of hostile tokens and headers, made with the suite's own issuer: each is refused.

A good token is accepted right after it. A verifier with one check weakened accepts the hostile token: that
shows that the case tests this check. Not here: hostile key sets (test_jwk_set.py).
"""

import base64
import hashlib
import hmac
import itertools
import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from protected_api.resource_server.access_token import CHECKS, AccessToken, Check, Policy, verify
from protected_api.resource_server.refusals import RefusalError
from werkzeug.test import EnvironBuilder, TestResponse

METADATA = 'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
AUDIENCE = "http://localhost:9001"
REASONS = {
    "size": "The token is longer than 4096 characters.",
    "well-formed": "The token is not three canonical base64url parts, of JSON objects with unique members.",
    "alg-allowed": "The algorithm of the token is not allowed.",
    "crit": "The token has critical header parameters.",
    "typ": "The token is not of type at+jwt.",
    "kid-known": "The token names no key of the issuer.",
    "alg-fits-the-key": "The key of the token is for another algorithm.",
    "signature": "The signature of the token is wrong.",
    "issuer": "The token is from another issuer.",
    "audience": "The token is for another audience.",
    "times": "A time in the token is not a number of seconds.",
    "required-claims": "A claim that RFC 9068 requires is missing or of the wrong type.",
    "scope": "The token lacks the scope read:timesheets.",
}
EXPIRED, NOT_YET = "The token has expired.", "The token is not valid yet."
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


class Case(NamedTuple):
    """A token that `check` refuses; `reason` is set if the check has several."""

    check: str
    name: str
    make: Callable[[Any], str]
    reason: str = ""

    def __str__(self) -> str:
        """Name the case in pytest's report."""
        return f"{self.check}: {self.name}"


def b64(data: bytes | str) -> str:
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def unsigned(issuer: Any, **header: Any) -> str:
    return f"{b64(json.dumps(issuer.header(**header)))}.{b64(json.dumps(issuer.claims()))}"


def signed_with(sign: Callable[[Any, bytes], bytes], **header: Any) -> Callable[[Any], str]:
    """Return a function that makes a token with the signature that `sign` returns."""

    def make(issuer: Any) -> str:
        text = unsigned(issuer, **header)
        return f"{text}.{b64(sign(issuer, text.encode()))}"

    return make


def hmac_with(secret: Callable[[Any], bytes], alg: str = "HS256") -> Callable[[Any], str]:
    return signed_with(lambda i, text: hmac.digest(secret(i), text, hashlib.sha256), alg=alg)


def pem(issuer: Any) -> bytes:
    public = issuer.private["rsa"].public_key()
    data: bytes = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return data


def der_signature(issuer: Any, text: bytes) -> bytes:
    """Return a signature in DER, where JWS demands two bare numbers (RFC 7518 3.4)."""
    token = issuer.sign(*(base64.urlsafe_b64decode(part + b"==") for part in text.split(b".")), "ec")
    numbers = base64.urlsafe_b64decode(token.rpartition(".")[2] + "==")
    return encode_dss_signature(int.from_bytes(numbers[:32]), int.from_bytes(numbers[32:]))


def malleable(issuer: Any, text: bytes) -> bytes:
    """Return an Ed25519 signature with the group's order added to its number: a lax verifier accepts it."""
    good: bytes = issuer.private["ed"].sign(text)
    number = int.from_bytes(good[32:], "little") + ED25519_ORDER
    return good[:32] + number.to_bytes(32, "little")


def stray_bits(issuer: Any) -> str:
    """Return a token with an unused bit of the signature part set: a lax decoder reads the same bytes."""
    token: str = issuer.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


def with_claims(issuer: Any, text: str) -> str:
    token: str = issuer.sign(json.dumps(issuer.header()), text)
    return token


def with_header(issuer: Any, text: str | bytes) -> str:
    token: str = issuer.sign(text, json.dumps(issuer.claims()))
    return token


def more_claims(issuer: Any, text: str) -> str:
    """Return a token with these JSON members added to its claims."""
    return with_claims(issuer, json.dumps(issuer.claims())[:-1] + f",{text}}}")


def raw(name: str, value: str) -> Callable[[Any], str]:
    """Return a function that makes a token whose claim is this JSON text, which Python cannot write."""
    return lambda i: with_claims(i, json.dumps(i.claims(**{name: "@"})).replace('"@"', value))


def header(check: str, name: str, *values: Any) -> list[Case]:
    """Return a case for each value of a header member; None leaves it out."""
    return [Case(check, f"{name} {value!r}", lambda i, v=value: i.token({name: v})) for value in values]  # type: ignore[misc]


def claim(check: str, name: str, *values: Any) -> list[Case]:
    """Return a case for each value of a claim; None leaves it out."""
    return [Case(check, f"{name} {value!r}", lambda i, v=value: i.token(**{name: v})) for value in values]  # type: ignore[misc]


def at(name: str, offset: float, reason: str) -> Case:
    """Return a case where the claim is so many seconds from now."""
    return Case("times", f"{name} {offset:+}", lambda i: i.token(**{name: time.time() + offset}), reason)


NONES = ["".join(letters) for letters in itertools.product(*zip("none", "NONE", strict=True))]

HOSTILE = [
    Case("size", "too long", lambda i: i.token(padding="x" * 4096)),
    # not a token
    *[
        Case("well-formed", name, make)
        for name, make in {
            "one part": lambda _: "abc",
            "two parts": lambda i: i.token().rpartition(".")[0],
            "four parts": lambda i: i.token() + ".e30",
            "five parts, as an encrypted one": lambda i: i.token() + ".e30.e30",
            "dots alone": lambda _: "..",
            "padding": lambda i: i.token() + "==",
            "a length that no base64 has": lambda i: i.token() + "AAA",
            "stray bits in the signature": stray_bits,
            "the other base64 alphabet": lambda i: (
                more_claims(i, '"a":"\u00ff\u00fe\u00ff\u00fb?~?~"').replace("_", "/").replace("-", "+")
            ),
            "a token in a token": lambda i: with_claims(i, json.dumps(i.token())),
            "header not JSON": lambda i: with_header(i, "{"),
            "header an array": lambda i: with_header(i, "[]"),
            "header null": lambda i: with_header(i, "null"),
            "header empty": lambda i: with_header(i, ""),
            "more behind the header": lambda i: with_header(i, json.dumps(i.header()) + "{}"),
            "claims not JSON": lambda i: with_claims(i, "{'iss': 1}"),
            "claims a string": lambda i: with_claims(i, '"claims"'),
            "claims with a comment": lambda i: with_claims(i, json.dumps(i.claims()) + "// good"),
            "claims with a trailing comma": lambda i: more_claims(i, ""),
            "alg twice": lambda i: with_header(i, '{"alg":"none","typ":"at+jwt","kid":"rsa","alg":"RS256"}'),
            "alg twice, once escaped": lambda i: with_header(
                i, '{"\\u0061lg":"none","typ":"at+jwt","kid":"rsa","alg":"RS256"}'
            ),
            "scope twice": lambda i: more_claims(i, '"scope":"read:timesheets batch:upload"'),
            "a nested member twice": lambda i: more_claims(i, '"x":{"a":1,"a":2}'),
            "header not UTF-8": lambda i: with_header(
                i, b'{"alg":"RS256","typ":"at+jwt","kid":"rsa","x":"\xff"}'
            ),
            "header UTF-16": lambda i: with_header(i, json.dumps(i.header()).encode("utf-16")),
            "a byte order mark": lambda i: with_header(i, b"\xef\xbb\xbf" + json.dumps(i.header()).encode()),
            "deep nesting": lambda i: with_claims(i, "[" * 2000),
            "a control character": lambda i: more_claims(i, '"x":"\n"'),
            "NaN": raw("exp", "NaN"),
            "Infinity": raw("exp", "Infinity"),
            "-Infinity": raw("nbf", "-Infinity"),
            "hexadecimal": raw("exp", "0xffffffff"),
        }.items()
    ],
    # algorithm confusion
    *header("alg-allowed", "alg", *NONES, "none ", "none\0", "", "HS256", "HS512", "RS1", "rs256", "RS256 "),
    *header("alg-allowed", "alg", None, 0, True, [], {}, ["RS256"], "RS512", "PS256", "ES256K", "Ed448"),
    Case("alg-allowed", "none without a signature", lambda i: unsigned(i, alg="none") + "."),
    Case("alg-allowed", "HS256 with the public key as PEM", hmac_with(pem)),
    Case("alg-allowed", "HS256 with the key as JWK", hmac_with(lambda i: json.dumps(i.jwk("rsa")).encode())),
    Case("alg-allowed", "HS256 with an empty key", hmac_with(lambda _: b"")),
    # header tricks
    *header("crit", "crit", ["exp"], ["b64"], ["unknown"], [], "b64", {}, 0, False),
    Case("crit", "b64 and crit", lambda i: i.token({"crit": ["b64"], "b64": False})),
    Case("crit", "crit null", lambda i: with_header(i, json.dumps(i.header())[:-1] + ',"crit":null}')),
    *header(
        "typ", "typ", None, "JWT", "jwt", "id+jwt", "at+jwt ", "application/jwt", "at+jwt;v=1", "", 1, {}
    ),
    *header("typ", "typ", ["at+jwt"], "at+jwt\0", "application/application/at+jwt", "dpop+jwt", "logout+jwt"),
    *header("kid-known", "kid", None, "other", "RSA", "rsa ", "", "../../etc/passwd", "' OR 1=1 --", 0, True),
    *header("kid-known", "kid", ["rsa"], {"a": 1}, "rsa\0", "rsa\r\nX: y", "http://127.0.0.1:1/", "x" * 2000),
    Case("kid-known", "a key of its own in jwk", lambda i: i.token({"kid": "mine", "jwk": i.jwk("rsa")})),
    Case("kid-known", "a key set of its own in jku", lambda i: i.token({"kid": "mine", "jku": i.jwks_uri})),
    Case("kid-known", "a certificate of its own", lambda i: i.token({"kid": "mine", "x5c": ["MIIB"]})),
    Case("alg-fits-the-key", "ES256 with the RSA key", lambda i: i.token({"alg": "ES256"})),
    Case("alg-fits-the-key", "EdDSA with the RSA key", lambda i: i.token({"alg": "EdDSA"})),
    Case("alg-fits-the-key", "RS256 with the EC key", lambda i: i.token({"kid": "ec"})),
    Case(
        "alg-fits-the-key",
        "Ed25519 with a key named EdDSA",
        lambda i: i.token({"kid": "ed", "alg": "Ed25519"}),
    ),
    Case("alg-fits-the-key", "ES256 with the Ed25519 key", lambda i: i.token({"kid": "ed", "alg": "ES256"})),
    # signatures
    Case("signature", "none", lambda i: unsigned(i) + "."),
    Case("signature", "one byte", signed_with(lambda *_: b"\0")),
    Case("signature", "of zeros", signed_with(lambda *_: bytes(256))),
    Case("signature", "of ones", signed_with(lambda *_: b"\xff" * 256)),
    Case("signature", "of another token", lambda i: f"{unsigned(i, x=1)}.{i.token().rpartition('.')[2]}"),
    Case("signature", "by HMAC with the public key", hmac_with(pem, alg="RS256")),
    Case(
        "signature",
        "by the right key with PSS",
        signed_with(
            lambda i, text: i.private["rsa"].sign(text, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        ),
    ),
    Case(
        "signature",
        "by the right key with SHA-1",
        signed_with(lambda i, text: i.private["rsa"].sign(text, padding.PKCS1v15(), SHA1())),  # noqa: S303
    ),
    Case(
        "signature",
        "by the wrong key",
        lambda i: i.sign(json.dumps(i.header(alg="ES256", kid="ec")), json.dumps(i.claims())),
    ),
    *[
        Case(
            "signature",
            f"{alg} of {length} zeros",
            signed_with(lambda *_, n=length: bytes(n), alg=alg, kid=kid),
        )
        for alg, kid in (("ES256", "ec"), ("EdDSA", "ed"))
        for length in (0, 63, 64, 65)
    ],
    Case("signature", "ES256 in DER", signed_with(der_signature, alg="ES256", kid="ec")),
    Case("signature", "EdDSA, the number too big", signed_with(malleable, alg="EdDSA", kid="ed")),
    # claims
    *claim("issuer", "iss", None, "", 1, [], {}, "https://evil.example"),
    Case("issuer", "iss with a slash", lambda i: i.token(iss=i.url + "/")),
    Case("issuer", "iss in capitals", lambda i: i.token(iss=i.url.upper())),
    Case("issuer", "iss with more behind", lambda i: i.token(iss=i.url + ".evil.example")),
    Case("issuer", "iss with a user", lambda i: i.token(iss=i.url.replace("//", "//evil@"))),
    Case("issuer", "iss with a blank", lambda i: i.token(iss=i.url + " ")),
    Case("issuer", "iss in a list", lambda i: i.token(iss=[i.url])),
    *claim("audience", "aud", None, "", [], {}, 1, True, "https://invoices.exampleco.example"),
    *claim(
        "audience", "aud", AUDIENCE + "/", AUDIENCE + "1", AUDIENCE.upper(), AUDIENCE + " x", AUDIENCE[:-1]
    ),
    *claim("audience", "aud", [[AUDIENCE]], [None], [AUDIENCE, 1], {AUDIENCE: 1}, [{"aud": AUDIENCE}]),
    # times
    *[
        Case("times", f"{name} {value[:20]}", raw(name, value))
        for name, values in {
            "exp": ('"9999999999"', "true", "[9999999999]", "{}", "null", "-1", "1e400", "9" * 2000, "1e99"),
            "iat": ('"0"', "false", "null", "-0.5", "1e99", "[]"),
            "nbf": ('"0"', "false", "null", "-0.5", "1e99", "{}"),
        }.items()
        for value in values
    ],
    *[at("exp", offset, EXPIRED) for offset in (-61, -3600, -(10**9))],
    *[at(name, offset, NOT_YET) for name in ("iat", "nbf") for offset in (63, 3600, 10**9)],
    Case("times", "exp 0", lambda i: i.token(exp=0), EXPIRED),
    # what RFC 9068 2.2 requires
    *claim("required-claims", "exp", None),
    *claim("required-claims", "iat", None),
    *[
        case
        for name in ("sub", "client_id", "jti")
        for case in claim(
            "required-claims", name, None, "", 1, True, [], ["a"], {}, "a\nb", "a\x00", "\ud800"
        )
    ],
    *claim("required-claims", "scope", ["read:timesheets"], {"read:timesheets": 1}, 1, True),
    # the scope, whole words between single blanks
    *claim("scope", "scope", None, "", " ", "batch:upload", "READ:TIMESHEETS", "read:timesheetsx", "read"),
    *claim(
        "scope", "scope", "xread:timesheets", "read:timesheets,batch:upload", "read:timesheets\tx", "read:*"
    ),
    *claim(
        "scope", "scope", "read:timesheets\n", "*", "read:timesheets\u00a0x", "read :timesheets", "timesheets"
    ),
]
each_case = pytest.mark.parametrize("case", HOSTILE, ids=str)


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    """Return one issuer for all cases: no case changes it or the app."""
    return shared_issuer


@pytest.fixture
def app(shared_app: Flask) -> Flask:
    return shared_app


def test_the_corpus_has_cases_for_every_check() -> None:
    counts = Counter(case.check for case in HOSTILE)
    assert list(counts) == list(REASONS)
    assert len({str(case) for case in HOSTILE}) == len(HOSTILE) > 200
    assert len({case.name for case in PRESENTED}) == len(PRESENTED) > 40


def read(client: FlaskClient, token: str) -> TestResponse:
    return client.get("/timesheets", headers={"Authorization": f"Bearer {token}"})


def assert_refused(response: TestResponse, case: Case) -> None:
    reason = case.reason or REASONS[case.check]
    status, error, more = 401, "invalid_token", {}
    if case.check == "scope":
        status, error, more = 403, "insufficient_scope", {"scope": "read:timesheets"}
    body = {"error": error, "error_description": reason, **more}
    challenge = {**body, "scope": "read:timesheets"}  # what the route asks for
    said = ", ".join(f'{name}="{value}"' for name, value in challenge.items())
    assert (response.status_code, response.json) == (status, body)
    assert response.headers["WWW-Authenticate"] == f'Bearer realm="Timesheets API", {said}, {METADATA}'
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.requirement(
    "RFC 6749 3.3 whole words",
    "RFC 6749 10.3 not forgeable",
    "RFC 6750 3 challenge",
    "RFC 6750 3 parameters once",
    "RFC 6750 3 error",
    "RFC 6750 3 characters",
    "RFC 6750 3.1 invalid_token",
    "RFC 6750 3.1 insufficient_scope",
    "RFC 6750 5.2 integrity",
    "RFC 6750 5.2 audience",
    "RFC 9068 2.1 signed",
    "RFC 9068 4 typ",
    "RFC 9068 4 issuer",
    "RFC 9068 4 audience",
    "RFC 9068 4 signature",
    "RFC 9068 4 keys",
    "RFC 9068 4 exp",
    "RFC 9068 4 required claims",
    "RFC 9068 4 errors",
    "RFC 9068 4 scope",
    "RFC 9068 5 ID tokens",
    "RFC 7515 2 base64url",
    "RFC 7515 4 unique members",
    "RFC 7515 4.1.1 alg",
    "RFC 7515 4.1.4 kid",
    "RFC 7515 4.1.11 crit",
    "RFC 7515 5.2 UTF-8",
    "RFC 7515 5.2 signature",
    "RFC 7515 7.1 three parts",
    "RFC 7515 10.12 strict JSON",
    "RFC 7516 9 not a JWS",
    "RFC 7517 4.4 alg",
    "RFC 7518 3.4 ES256",
    "RFC 7518 3.6 none",
    "RFC 7519 4 unique claims",
    "RFC 7519 4.1.1 iss",
    "RFC 7519 4.1.3 aud",
    "RFC 7519 4.1.5 nbf",
    "RFC 7519 4.1.4 number",
    "RFC 7519 7.2 validation",
    "RFC 7519 7.2 nested",
    "RFC 8725 3.1 algorithms",
    "RFC 8725 3.2 appropriate",
    "RFC 8725 3.3 all operations",
    "RFC 8725 3.7 UTF-8",
    "RFC 8725 3.8 issuer",
    "RFC 8725 3.9 audience",
    "RFC 8725 3.10 kid",
    "RFC 8725 3.10 jku and x5u",
    "RFC 8725 3.11 typ",
    "RFC 9700 2.3 audience",
    "RFC 9700 2.3 privileges",
    "RFC 9700 4.9 leaked at the API",
)
@each_case
def test_refuses_a_hostile_token_and_accepts_a_good_one_after(
    client: FlaskClient, issuer: Any, caplog: pytest.LogCaptureFixture, case: Case
) -> None:
    token = case.make(issuer)
    with caplog.at_level(logging.INFO):
        response = read(client, token)
    assert_refused(response, case)
    [logged] = [vars(record) for record in caplog.records if "check" in vars(record)]
    assert (logged["check"], logged["reason"]) == (case.check, case.reason or REASONS[case.check])
    assert token not in caplog.text
    assert read(client, issuer.token()).status_code == 200


def lax_well_formed(issuer: Any) -> Check:
    """Return a check that reads what it can of a token, and replaces what it cannot read by a good token."""

    def members(part: str) -> Any:
        text = base64.urlsafe_b64decode(part + "==")
        return json.loads(text, parse_constant=lambda _: time.time())

    def well_formed(token: AccessToken, _: Policy) -> None:
        parts = token.compact.replace("=", "").replace("+", "-").replace("/", "_").split(".")[:3]
        try:
            header, claims, token.signature = (
                *map(members, parts[:2]),
                base64.urlsafe_b64decode(parts[2] + "=="),
            )
            token.header, token.claims, token.compact = {**header}, {**claims}, ".".join(parts)
        except (ValueError, TypeError, IndexError, RecursionError):
            token.header, token.claims, token.compact = issuer.header(), issuer.claims(), issuer.token()
            token.signature = base64.urlsafe_b64decode(token.compact.rpartition(".")[2] + "==")

    return well_formed


def careless(issuer: Any, check: str) -> tuple[Check, ...]:
    """Return CHECKS with `check` left out, or replaced by a lax one."""

    def any_kid(token: AccessToken, policy: Policy) -> None:
        key = policy.find_key("rsa")
        assert key
        token.key = key

    def skipped(_: AccessToken, __: Policy) -> None:
        return None

    weak = {"well-formed": lax_well_formed(issuer), "kid-known": any_kid}.get(check, skipped)
    # A verifier that accepts any algorithm, or any key for it, does not verify the signature either.
    # A token without an issuer or audience lacks a required claim too.
    also = {
        "issuer": {"required-claims"},
        "audience": {"required-claims"},
        "alg-allowed": {"alg-fits-the-key", "signature"},
        "alg-fits-the-key": {"signature"},
    }
    return tuple(
        weak if name == check else skipped if name in also.get(check, ()) else each
        for each in CHECKS
        for name in [each.__name__.replace("_", "-")]
    )


@pytest.mark.requirement("RFC 7519 7.2 validation", "RFC 8725 3.1 algorithms")
@each_case
def test_a_verifier_with_that_check_weakened_accepts_a_hostile_token(
    app: Flask, issuer: Any, case: Case
) -> None:
    policy = Policy(issuer.url, AUDIENCE, app.extensions["keys"].find)
    compact = case.make(issuer)
    token = AccessToken(compact)
    assert verify(token, policy, careless(issuer, case.check)) is token
    if case.check != "scope":  # the route demands that, not `verify`
        with pytest.raises(RefusalError) as refused:
            verify(AccessToken(compact), policy)
        assert refused.value.check == case.check


class Presented(NamedTuple):
    """A request that has a good token, `{}`, in a place or form that must not be read."""

    name: str
    headers: tuple[str, ...]  # Authorization
    reason: str = ""  # empty: the answer is a bare challenge
    query: str = ""
    form: str = ""
    other: dict[str, str] = {}  # noqa: RUF012  (other headers)


SEVERAL = "There are several Authorization headers."
NO_TOKEN = "The Authorization header is not Bearer and one token."
TWICE = "The token is presented in more than one way."
PRESENTED = [
    *[
        Presented(f"one header: {header}", (header,), NO_TOKEN)
        for header in (
            *(
                "Bearer {} {}",
                "Bearer\t{}",
                'Bearer "{}"',
                "Bearer token={}",
                "Bearer:{}",
                "Bearer={}",
                "Bearer <{}>",
            ),
            *(
                "Bearer {}=a",
                "Bearer {};a",
                "Bearer {} a=b",
                "Bearer {}, a=b",
                "Bearer Bearer {}",
                "Bearer {}ü",
            ),
            *("Bearer {}%00", "Bearer {}@", 'Bearer {{"token":"{}"}}', "Bearer {}\\"),
        )
    ],
    *[
        Presented(f"a list: {header}", (header,), SEVERAL)
        for header in (
            *(
                "Bearer {},Bearer {}",
                "Basic YTpi,Bearer {}",
                "Bearer {}, Basic YTpi",
                "Bearer {},",
                ",Bearer {}",
            ),
            *("Bearer {} , Bearer {}", "DPoP x, Bearer {}", "Bearer a, {}"),
        )
    ],
    Presented("two headers", ("Bearer {}", "Bearer {}"), SEVERAL),
    Presented("Basic and Bearer", ("Basic YTpi", "Bearer {}"), SEVERAL),
    Presented("header and query", ("Bearer {}",), TWICE, query="access_token={}"),
    Presented("header and empty parameter", ("Bearer {}",), TWICE, query="access%5Ftoken="),
    Presented("query", (), query="access_token={}"),
    Presented("query, second", (), query="limit=1&access_token={}"),
    Presented("form", (), form="access_token={}"),
    Presented("another scheme", ("DPoP {}",)),
    Presented("a scheme that only begins so", ("Bearerx {}",)),
    Presented("no scheme", ("{}",)),
    Presented("a scheme in other letters", ("Be\u0430rer {}",)),
    Presented("Basic with the token as password", ("Basic OnRva2Vu {}",)),
    *[
        Presented(f"header {name}", (), other={name: f"{scheme}{{}}"})
        for name, scheme in (
            *(("Proxy-Authorization", "Bearer "), ("X-Authorization", "Bearer "), ("X-Access-Token", "")),
            *(("Cookie", "access_token="), ("X-Forwarded-Authorization", "Bearer "), ("DPoP", "")),
        )
    ],
]


def request_of(case: Presented, token: str) -> EnvironBuilder:
    def filled(text: str) -> str:
        return text.replace("{}", token)

    return EnvironBuilder(
        "/timesheets",
        method="POST" if case.form else "GET",
        query_string=filled(case.query),
        data=filled(case.form) or None,
        content_type="application/x-www-form-urlencoded" if case.form else None,
        headers=[
            *(("Authorization", filled(header).encode().decode("latin-1")) for header in case.headers),
            *((name, filled(value)) for name, value in case.other.items()),
        ],
    )


each_presented = pytest.mark.parametrize("case", PRESENTED, ids=lambda case: case.name)


@pytest.mark.requirement(
    "RFC 6750 2 one method",
    "RFC 6750 2.1 syntax",
    "RFC 6750 2.2 form",
    "RFC 6750 2.3 query",
    "RFC 6750 5.3 cookies",
    "RFC 9110 11.4 one header",
    "RFC 9110 11.6.2 Proxy-Authorization",
)
@each_presented
def test_refuses_a_token_presented_wrongly_and_accepts_it_presented_rightly(
    client: FlaskClient, issuer: Any, case: Presented
) -> None:
    token = issuer.token()
    response = client.open(request_of(case, token))
    if case.reason:
        body = {"error": "invalid_request", "error_description": case.reason}
        said = f'error="invalid_request", error_description="{case.reason}", '
        assert (response.status_code, response.json) == (400, body)
    else:
        detail = "A token is required: Authorization, scheme Bearer."
        scope = "create:timesheets" if case.form else "read:timesheets"
        said = f'scope="{scope}", '
        problem = {"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": detail}
        assert (response.status_code, response.json) == (401, problem)
    assert response.headers["WWW-Authenticate"] == f'Bearer realm="Timesheets API", {said}{METADATA}'
    assert read(client, token).status_code == 200


@each_presented
def test_a_gate_that_reads_tokens_anywhere_accepts_one_presented_wrongly(
    app: Flask, issuer: Any, case: Presented
) -> None:
    request = request_of(case, issuer.token()).get_request()
    everywhere = f"{request.headers} {request.query_string!r} {request.get_data(as_text=True)}"
    *_, found = re.findall(r"[\w-]+\.[\w-]+\.[\w-]+(?![\w.-])", everywhere, re.ASCII)
    policy = Policy(issuer.url, AUDIENCE, app.extensions["keys"].find)
    assert verify(AccessToken(found), policy).client_id == "import-job"
