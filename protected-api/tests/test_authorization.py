"""What a caller sees of the gate: RFC 6750 2.1 and 3, RFC 9728 5.1, and a corpus of hostile tokens."""

import base64
import hashlib
import hmac
import io
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask
from flask.testing import FlaskClient
from protected_api.access_token import CHECKS, AccessToken, Check, Policy, RefusalError, verify
from protected_api.resource_server import metadata_url
from werkzeug.test import TestResponse, create_environ, run_wsgi_app

METADATA = 'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
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
    "required-claims": "A claim that RFC 9068 requires is missing or of the wrong type.",
}
NOT_A_TIME = "A time in the token is not a number of seconds."
EXPIRED = "The token has expired."
NOT_YET = "The token is not valid yet."


def read(client: FlaskClient, authorization: str) -> TestResponse:
    return client.get("/timesheets", headers={"Authorization": authorization})


def assert_invalid_token(response: TestResponse, reason: str) -> None:
    body = {"error": "invalid_token", "error_description": reason}
    challenge = (
        f'Bearer realm="Timesheets API", error="invalid_token", error_description="{reason}", {METADATA}'
    )
    assert (response.status_code, response.json) == (401, body)
    assert response.headers["WWW-Authenticate"] == challenge
    assert response.headers["Content-Type"] == "application/json"


def b64(data: bytes | str) -> str:
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def unsigned(issuer: Any, **header: Any) -> str:
    return f"{b64(json.dumps(issuer.header(**header)))}.{b64(json.dumps(issuer.claims()))}"


def hmac_with_public_key(issuer: Any, secret: bytes) -> str:
    signed = unsigned(issuer, alg="HS256")
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def pem(issuer: Any) -> bytes:
    public: bytes = (
        issuer.private["rsa"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return public


def stray_bits(issuer: Any) -> str:
    """Set an unused bit of the signature part: the same bytes to a lax decoder."""
    token: str = issuer.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


def with_claims(issuer: Any, text: str) -> str:
    token: str = issuer.sign(json.dumps(issuer.header()), text)
    return token


def with_header(issuer: Any, text: str) -> str:
    token: str = issuer.sign(text, json.dumps(issuer.claims()))
    return token


def raw(issuer: Any, name: str, value: str) -> str:
    """Claims where `name` has this JSON text, which Python could not write."""
    text = json.dumps(issuer.claims(**{name: "@"}))
    return with_claims(issuer, text.replace('"@"', value))


Make = Callable[[Any], str]
Case = tuple[str, str, Make]


def header(check: str, name: str, *values: Any) -> list[Case]:
    """Return a case for each value of a header member; None leaves it out."""
    return [(check, f"{name} {value!r}", lambda i, v=value: i.token({name: v})) for value in values]  # type: ignore[misc]


def claim(check: str, name: str, *values: Any) -> list[Case]:
    """Return a case for each value of a claim; None leaves it out."""
    return [(check, f"{name} {value!r}", lambda i, v=value: i.token(**{name: v})) for value in values]  # type: ignore[misc]


HOSTILE: list[Case] = [
    # what is not a token
    ("well-formed", "one part", lambda _: "abc"),
    ("well-formed", "two parts", lambda i: i.token().rpartition(".")[0]),
    ("well-formed", "four parts", lambda i: i.token() + ".e30"),
    ("well-formed", "five parts, as an encrypted one", lambda _: "e30.e30.e30.e30.e30"),
    ("well-formed", "dots alone", lambda _: ".."),
    ("well-formed", "padding", lambda i: i.token() + "=="),
    ("well-formed", "a length that no base64 has", lambda i: i.token() + "AAA"),
    ("well-formed", "stray bits in the signature", stray_bits),
    (
        "well-formed",
        "the other base64 alphabet",
        lambda i: with_claims(i, '{"a":"\u00ff\u00fe\u00ff\u00fb"}').replace("_", "/"),
    ),
    ("well-formed", "header no JSON", lambda i: with_header(i, "{")),
    ("well-formed", "claims no JSON", lambda i: with_claims(i, "{'iss': 1}")),
    ("well-formed", "header an array", lambda i: with_header(i, "[]")),
    ("well-formed", "header null", lambda i: with_header(i, "null")),
    ("well-formed", "claims a string", lambda i: with_claims(i, '"claims"')),
    (
        "well-formed",
        "alg twice",
        lambda i: with_header(i, '{"alg":"none","typ":"at+jwt","kid":"rsa","alg":"RS256"}'),
    ),
    (
        "well-formed",
        "scope twice",
        lambda i: with_claims(i, json.dumps(i.claims())[:-1] + ',"scope":"batch:upload"}'),
    ),
    (
        "well-formed",
        "a nested member twice",
        lambda i: with_claims(i, json.dumps(i.claims())[:-1] + ',"x":{"a":1,"a":2}}'),
    ),
    ("well-formed", "not UTF-8", lambda i: i.sign(b'{"alg":"\xff"}', b"{}")),
    ("well-formed", "UTF-16", lambda i: i.sign(json.dumps(i.header()).encode("utf-16"), b"{}")),
    (
        "well-formed",
        "a byte order mark",
        lambda i: i.sign(b"\xef\xbb\xbf" + json.dumps(i.header()).encode(), b"{}"),
    ),
    ("well-formed", "deep nesting", lambda i: with_claims(i, "[" * 2000)),
    ("well-formed", "NaN", lambda i: raw(i, "exp", "NaN")),
    ("well-formed", "Infinity", lambda i: raw(i, "exp", "Infinity")),
    ("size", "too long", lambda i: i.token(padding="x" * 4096)),
    # algorithm confusion
    *header(
        "alg-allowed", "alg", "none", "None", "NONE", "nOnE", "none ", "", "HS256", "RS1", "rs256", "ES256K"
    ),
    *header("alg-allowed", "alg", None, 0, True, [], {}, ["RS256"], "RS512", "PS256"),
    ("alg-allowed", "none without a signature", lambda i: unsigned(i, alg="none") + "."),
    ("alg-allowed", "HS256 with the public key as PEM", lambda i: hmac_with_public_key(i, pem(i))),
    (
        "alg-allowed",
        "HS256 with the public key as JWK",
        lambda i: hmac_with_public_key(i, json.dumps(i.jwk("rsa")).encode()),
    ),
    ("alg-allowed", "HS256 with an empty key", lambda i: hmac_with_public_key(i, b"")),
    # header tricks
    ("crit", "crit unknown", lambda i: i.token({"crit": ["exp"]})),
    ("crit", "crit empty", lambda i: i.token({"crit": []})),
    ("crit", "crit no list", lambda i: i.token({"crit": "b64", "b64": False})),
    ("crit", "b64 critical", lambda i: i.token({"crit": ["b64"], "b64": False})),
    *header(
        "typ", "typ", None, "JWT", "jwt", "id+jwt", "at+jwt ", "application/jwt", "at+jwt;v=1", "", 1, {}
    ),
    *header("typ", "typ", ["at+jwt"]),
    *header("kid-known", "kid", None, "other", "RSA", "rsa ", "", "../../etc/passwd", "' OR 1=1 --", 0, True),
    *header("kid-known", "kid", ["rsa"], {"a": 1}),
    ("kid-known", "a key of its own in jwk", lambda i: i.token({"kid": "mine", "jwk": i.jwk("rsa")})),
    ("kid-known", "a key set of its own in jku", lambda i: i.token({"kid": "mine", "jku": i.jwks_uri})),
    ("alg-fits-the-key", "ES256 with the RSA key", lambda i: i.token({"alg": "ES256"})),
    ("alg-fits-the-key", "EdDSA with the RSA key", lambda i: i.token({"alg": "EdDSA"})),
    ("alg-fits-the-key", "RS256 with the EC key", lambda i: i.token({"kid": "ec"})),
    ("alg-fits-the-key", "ES256 with the Ed25519 key", lambda i: i.token({"kid": "ed", "alg": "ES256"})),
    # signatures
    ("signature", "none", lambda i: unsigned(i) + "."),
    ("signature", "one byte", lambda i: unsigned(i) + ".AA"),
    ("signature", "of zeros", lambda i: unsigned(i) + "." + b64(bytes(256))),
    ("signature", "of another token", lambda i: unsigned(i, x=1) + "." + i.token().rpartition(".")[2]),
    (
        "signature",
        "ES256 of zeros (psychic)",
        lambda i: unsigned(i, alg="ES256", kid="ec") + "." + b64(bytes(64)),
    ),
    (
        "signature",
        "ES256 one byte short",
        lambda i: unsigned(i, alg="ES256", kid="ec") + "." + b64(bytes(63)),
    ),
    ("signature", "ES256 empty", lambda i: unsigned(i, alg="ES256", kid="ec") + "."),
    ("signature", "EdDSA of zeros", lambda i: unsigned(i, alg="EdDSA", kid="ed") + "." + b64(bytes(64))),
    ("signature", "EdDSA empty", lambda i: unsigned(i, alg="EdDSA", kid="ed") + "."),
    (
        "signature",
        "by the wrong key",
        lambda i: i.sign(json.dumps(i.header(alg="ES256", kid="ec")), json.dumps(i.claims())),
    ),
    # claims
    *claim("issuer", "iss", None, "", 1, [], {}, "https://evil.example"),
    ("issuer", "iss with a slash", lambda i: i.token(iss=i.url + "/")),
    ("issuer", "iss in capitals", lambda i: i.token(iss=i.url.upper())),
    ("issuer", "iss with more behind", lambda i: i.token(iss=i.url + ".evil.example")),
    ("issuer", "iss in a list", lambda i: i.token(iss=[i.url])),
    *claim("audience", "aud", None, "", [], {}, 1, True, "https://invoices.exampleco.example"),
    *claim("audience", "aud", "http://localhost:9001/", "http://localhost:90011", "HTTP://LOCALHOST:9001"),
    *claim("audience", "aud", "http://localhost:9001 x", [["http://localhost:9001"]], [None]),
    *claim("audience", "aud", ["http://localhost:9001", 1], {"http://localhost:9001": 1}),
    *[case for name in ("exp", "iat") for case in claim("required-claims", name, None)],
    *[
        case
        for name in ("sub", "client_id", "jti")
        for case in claim(
            "required-claims", name, None, "", 1, True, [], ["a"], {}, "a\nb", "a\x00", "\ud800"
        )
    ],
    *claim("required-claims", "scope", ["read:timesheets"], {"read:timesheets": 1}, 1, True),
]


@pytest.mark.parametrize(("check", "make"), [pytest.param(c, m, id=f"{c}: {n}") for c, n, m in HOSTILE])
def test_refuses_a_hostile_token_and_accepts_a_good_one_after(
    client: FlaskClient, issuer: Any, caplog: pytest.LogCaptureFixture, check: str, make: Make
) -> None:
    token = make(issuer)
    with caplog.at_level(logging.INFO):
        response = read(client, f"Bearer {token}")
    assert_invalid_token(response, REASONS[check])
    assert [vars(record)["check"] for record in caplog.records if "check" in vars(record)] == [check]
    assert token not in caplog.text
    assert read(client, f"Bearer {issuer.token()}").status_code == 200


def careless(issuer: Any, check: str) -> tuple[Check, ...]:
    """Return CHECKS with `check` weakened: left out, or reading into the token what it does not say."""

    def well_formed(token: AccessToken, _: Policy) -> None:  # fills in a good one for what it cannot read
        token.header, token.claims = issuer.header(), issuer.claims()
        token.compact, token.signature = issuer.token(), b""
        parts = token.compact.split(".")
        token.signature = base64.urlsafe_b64decode(parts[2] + "==")

    def kid_known(token: AccessToken, policy: Policy) -> None:
        token.key = policy.find_key("rsa")

    def skipped(_: AccessToken, __: Policy) -> None:
        return None

    weak = {"well-formed": well_formed, "kid-known": kid_known}.get(check, skipped)
    # Who takes any algorithm, or any key for it, is one who does not verify the signature with the right one.
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


@pytest.mark.parametrize(("check", "make"), [pytest.param(c, m, id=f"{c}: {n}") for c, n, m in HOSTILE])
def test_every_hostile_token_is_accepted_by_a_verifier_that_is_careless_about_it(
    app: Flask, issuer: Any, check: str, make: Make
) -> None:
    """It is refused for this alone: a verifier whose one check is weak takes it."""
    policy = Policy(issuer.url, "http://localhost:9001", app.extensions["keys"].find)
    token = make(issuer)
    assert isinstance(verify(AccessToken(token), policy, careless(issuer, check)), AccessToken)
    with pytest.raises(RefusalError) as refused:
        verify(AccessToken(token), policy)
    assert refused.value.check == check


@pytest.mark.parametrize(
    ("reason", "name", "value"),
    [
        *[
            (NOT_A_TIME, "exp", value)
            for value in ('"{exp}"', "true", "[{exp}]", "{{}}", "-1", "1e400", "9" * 2000)
        ],
        *[
            (NOT_A_TIME, name, value)
            for name in ("iat", "nbf")
            for value in ('"0"', "false", "null", "-0.5", "1e99")
        ],
    ],
)
def test_refuses_a_time_that_is_no_number_of_seconds(
    client: FlaskClient, issuer: Any, reason: str, name: str, value: str
) -> None:
    value = value.format(exp=issuer.claims()["exp"])
    assert_invalid_token(read(client, f"Bearer {raw(issuer, name, value)}"), reason)
    assert read(client, f"Bearer {issuer.token()}").status_code == 200


@pytest.mark.parametrize(
    ("name", "offset", "reason"),
    [
        *[("exp", -58, None), ("exp", -61, EXPIRED), ("exp", -(10**9), EXPIRED), ("exp", 10**9, None)],
        *[("iat", 58, None), ("iat", 63, NOT_YET), ("iat", -(10**9), None)],
        *[("nbf", 58, None), ("nbf", 63, NOT_YET), ("nbf", -(10**9), None)],
    ],
)
def test_allows_sixty_seconds_of_clock_skew(
    client: FlaskClient, issuer: Any, name: str, offset: int, reason: str | None
) -> None:
    response = read(client, f"Bearer {issuer.token(**{name: time.time() + offset})}")
    if reason:
        assert_invalid_token(response, reason)
    else:
        assert response.status_code == 200


GOOD: list[tuple[str, Make]] = [
    ("RS256", lambda i: i.token()),
    ("ES256", lambda i: i.token({"alg": "ES256", "kid": "ec"})),
    ("EdDSA", lambda i: i.token({"alg": "EdDSA", "kid": "ed"})),
    ("the long type, any case", lambda i: i.token({"typ": "Application/AT+JWT"})),
    (
        "unknown header members",
        lambda i: i.token({"jku": "http://evil.example", "x5c": [1], "b64": False, "x": {}}),
    ),
    (
        "several audiences",
        lambda i: i.token(aud=["https://invoices.exampleco.example", "http://localhost:9001"]),
    ),
    ("fractional times", lambda i: i.token(exp=time.time() + 60.5, iat=time.time() - 0.5)),
    ("unknown claims", lambda i: i.token(**{"https://exampleco.example/x": [1]})),
]


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in GOOD])
def test_accepts_a_good_token(client: FlaskClient, issuer: Any, make: Make) -> None:
    response = read(client, f"Bearer {make(issuer)}")
    assert (response.status_code, response.json) == (200, {"timesheets": [], "next_cursor": None})
    assert "WWW-Authenticate" not in response.headers


@pytest.mark.parametrize(
    "header", [None, "", "Basic YTpi", "Bearerx abc", 'Digest username="a", uri="b", qop=auth', "DPoP abc"]
)
def test_asks_for_a_token_with_a_bare_challenge(client: FlaskClient, header: str | None) -> None:
    response = client.get("/timesheets", headers={} if header is None else {"Authorization": header})
    assert (response.status_code, response.json) == (401, BARE)
    assert response.headers["WWW-Authenticate"] == f'Bearer realm="Timesheets API", {METADATA}'
    assert response.headers["Content-Type"] == "application/problem+json"


BARE = {
    "type": "about:blank",
    "title": "Unauthorized",
    "status": 401,
    "detail": "A token is required: Authorization, scheme Bearer.",
}


@pytest.mark.parametrize("path", ["/timesheets?access_token={}", "/timesheets?limit=1&access_token={}"])
def test_reads_no_token_from_the_query(client: FlaskClient, issuer: Any, path: str) -> None:
    response = client.get(path.format(issuer.token()))
    assert (response.status_code, response.json) == (401, BARE)


def test_reads_no_token_from_a_form(client: FlaskClient, issuer: Any) -> None:
    response = client.post("/timesheets/upload", data={"access_token": issuer.token()})
    assert (response.status_code, response.json) == (401, BARE)


SEVERAL = "There are several Authorization headers."
NO_TOKEN = "The Authorization header is not Bearer and one token."
TWICE = "The token is presented in more than one way."


@pytest.mark.parametrize(
    ("header", "query", "description"),
    [
        *[("Bearer", "", NO_TOKEN), ("bearer ", "", NO_TOKEN), ("Bearer {}=a", "", NO_TOKEN)],
        *[("Bearer {} {}", "", NO_TOKEN), ("Bearer\t{}", "", NO_TOKEN), ('Bearer "{}"', "", NO_TOKEN)],
        *[("Bearer ü", "", NO_TOKEN), ("Bearer token={}", "", NO_TOKEN), ("Bearer:{}", "", NO_TOKEN)],
        *[("Bearer {},Bearer {}", "", SEVERAL), ("Basic YTpi,Bearer {}", "", SEVERAL)],
        *[
            ("Bearer {}, Basic YTpi", "", SEVERAL),
            ("Bearer {},", "", SEVERAL),
            ("Basic YTpi,Bearer", "", SEVERAL),
        ],
        *[("Bearer {}", "?access_token={}", TWICE), ("Bearer {}", "?access%5Ftoken=", TWICE)],
    ],
)
def test_refuses_a_request_that_presents_its_token_wrongly(
    client: FlaskClient, issuer: Any, header: str, query: str, description: str
) -> None:
    token = issuer.token()
    response = client.get(
        f"/timesheets{query.replace('{}', token)}", headers={"Authorization": header.replace("{}", token)}
    )
    body = {"error": "invalid_request", "error_description": description}
    assert (response.status_code, response.json) == (400, body)
    assert response.headers["WWW-Authenticate"] == (
        f'Bearer realm="Timesheets API", error="invalid_request", error_description="{description}", '
        f"{METADATA}"
    )
    assert read(client, f"Bearer {token}").status_code == 200


def test_refuses_several_authorization_headers(client: FlaskClient, issuer: Any) -> None:
    token = f"Bearer {issuer.token()}"
    response = client.get("/timesheets", headers=[("Authorization", token), ("Authorization", token)])
    assert (response.status_code, response.json) == (
        400,
        {"error": "invalid_request", "error_description": SEVERAL},
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR "])
def test_reads_the_scheme_in_any_case(client: FlaskClient, issuer: Any, scheme: str) -> None:
    assert read(client, f"{scheme} {issuer.token()}").status_code == 200


@pytest.mark.parametrize(
    "scope",
    [
        *(None, "", "batch:upload", "READ:TIMESHEETS", "read:timesheetsx", "xread:timesheets", "read"),
        *("read:timesheets,batch:upload", "read:timesheets\tx", "read:timesheets\n", "*", "read:*"),
    ],
)
def test_refuses_a_token_without_the_scope_of_the_route(
    client: FlaskClient, issuer: Any, caplog: pytest.LogCaptureFixture, scope: str | None
) -> None:
    with caplog.at_level(logging.INFO):
        response = read(client, f"Bearer {issuer.token(scope=scope)}")
    description = "The token lacks the scope read:timesheets."
    body = {"error": "insufficient_scope", "error_description": description, "scope": "read:timesheets"}
    assert (response.status_code, response.json) == (403, body)
    assert response.headers["WWW-Authenticate"] == (
        f'Bearer realm="Timesheets API", error="insufficient_scope", error_description="{description}", '
        f'scope="read:timesheets", {METADATA}'
    )
    assert [vars(record)["check"] for record in caplog.records if "check" in vars(record)] == ["scope"]


def test_refuses_a_token_without_the_scope_before_it_reads_the_body(app: Flask, issuer: Any) -> None:
    body = io.BytesIO(b"unread")
    environ = create_environ(
        "/timesheets/upload",
        method="POST",
        input_stream=body,
        headers={"Authorization": f"Bearer {issuer.token(scope='read:timesheets')}", "Content-Length": "6"},
    )
    _, status, _ = run_wsgi_app(app, environ)
    assert (status, body.tell()) == ("403 FORBIDDEN", 0)


@pytest.mark.parametrize(
    ("audience", "url"),
    [
        ("http://localhost:9001", "http://localhost:9001/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/v1/x", "https://api.example/.well-known/oauth-protected-resource/v1/x"),
    ],
)
def test_finds_the_metadata_of_a_resource(audience: str, url: str) -> None:
    assert metadata_url(audience) == url
