"""DPoP at the API (RFC 9449 4.3, 7, 9): a bound token is served with a proof of its key and never without."""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms
from protected_api.app import create_app
from protected_api.resource_server import AccessToken, protect, require_scope
from protected_api.resource_server.dpop_proof import MAX_LENGTH, WINDOW, DpopProofs, dpop, normalised
from protected_api.resource_server.proof_of_possession import ProofOfPossession
from protected_api.settings import Settings
from protected_api.settings_reader import SettingsError
from werkzeug.test import TestResponse

URL = "http://localhost:9001/timesheets"
METADATA = 'resource_metadata="http://localhost:9001/.well-known/oauth-protected-resource"'
ALGS = 'algs="ES256 EdDSA Ed25519"'
PRIVATE: Mapping[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": rsa.generate_private_key(65537, 2048),
}
JWKS: dict[str, dict[str, str]] = {}
for alg, key in PRIVATE.items():
    members = get_default_algorithms()[alg].to_jwk(key.public_key(), as_dict=True)
    JWKS[alg] = {name: value for name, value in members.items() if name != "key_ops"}
JWK = JWKS["ES256"]
Read = Callable[..., TestResponse]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def thumbprint(alg: str = "ES256") -> str:
    canonical = json.dumps(JWKS[alg], sort_keys=True, separators=(",", ":"))
    return base64url(sha256(canonical.encode()).digest())


def ath(token: str) -> str:
    return base64url(sha256(token.encode()).digest())


def part(members: object) -> str:
    return base64url(json.dumps(members).encode())


def proof(token: str, claims: dict[str, Any] | None = None, alg: str = "ES256", **header: Any) -> str:
    """Return a good proof of a read with this token, except for what the test changes; None removes one."""
    kind = "EdDSA" if alg == "Ed25519" else alg
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": JWKS[kind]} | header
    body = {"jti": str(time.perf_counter_ns()), "htm": "GET", "htu": URL, "iat": int(time.time())}
    body |= {"ath": ath(token)} | (claims or {})
    signed = ".".join(part({k: v for k, v in each.items() if v is not None}) for each in (head, body))
    return f"{signed}.{base64url(get_default_algorithms()[kind].sign(signed.encode(), PRIVATE[kind]))}"


@pytest.fixture
def issuer(shared_issuer: Any) -> Any:
    return shared_issuer


@pytest.fixture
def make_client(settings: Settings) -> Callable[..., FlaskClient]:
    """Return a function that makes a client of an API with changed settings."""

    def make(**changes: Any) -> FlaskClient:
        app = create_app(replace(settings, **{"dpop": "1"} | changes))
        app.extensions["keys"].refresh()
        return app.test_client()

    return make


@pytest.fixture
def client(make_client: Callable[..., FlaskClient]) -> FlaskClient:
    return make_client()


@pytest.fixture
def token(issuer: Any) -> str:
    """Return a token that is bound to the key for ES256."""
    compact: str = issuer.token(cnf={"jkt": thumbprint()})
    return compact


def read(client: FlaskClient, token: str, *proofs: str, scheme: str = "DPoP") -> TestResponse:
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", each) for each in proofs)]
    return client.get("/timesheets", headers=headers)


def challenges(error: str, description: str) -> list[str]:
    told = f'error="{error}", error_description="{description}"'
    common = f'realm="Timesheets API", {told}, scope="read:timesheets", {METADATA}'
    return [f"Bearer {common}", f"DPoP {common}, {ALGS}"]


@pytest.mark.requirement("RFC 9449 7.1 scheme", "RFC 7638 3 computed", "RFC 9700 2.2.1 bound tokens")
@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "Ed25519"])
@pytest.mark.parametrize("scheme", ["DPoP", "dpop", "DPOP "])
def test_serves_a_bound_token_with_a_proof(client: FlaskClient, issuer: Any, alg: str, scheme: str) -> None:
    token = issuer.token(cnf={"jkt": thumbprint("ES256" if alg == "ES256" else "EdDSA")})
    assert read(client, token, proof(token, alg=alg), scheme=scheme).status_code == 200


def test_the_proof_is_a_check_that_is_explained(make_client: Callable[..., FlaskClient], token: str) -> None:
    answer = read(make_client(explain=True), token, proof(token))
    assert re.findall(r"([a-z-]+);dur", answer.headers["Server-Timing"])[-2:] == ["proof", "scope"]


@pytest.mark.requirement("RFC 9449 7.1 no proof")
def test_serves_the_same_token_again_with_a_new_proof(client: FlaskClient, token: str) -> None:
    """A token that is remembered is still bound."""
    assert [read(client, token, proof(token)).status_code for _ in range(3)] == [200] * 3
    assert read(client, token).get_json()["error_description"] == "The DPoP proof is missing."
    assert read(client, token, scheme="Bearer").status_code == 401


def test_serves_a_bearer_token_as_before(client: FlaskClient, issuer: Any) -> None:
    assert read(client, issuer.token(), scheme="Bearer").status_code == 200
    assert read(client, issuer.token(), "garbage", scheme="Bearer").status_code == 200


@pytest.mark.requirement("RFC 9449 4.3 normalised")
@pytest.mark.parametrize(
    "claims",
    [
        {"htu": URL + "?user_id=ada#x"},
        {"htu": "HTTP://LOCALHOST:9001/%74imesheets"},
        {"iat": -50},
        {"iat": 50},
        {"exp": 1, "nonce": "not asked for"},
        {"jti": "half a surrogate pair: \ud800"},
    ],
)
def test_accepts_what_the_rfc_allows(client: FlaskClient, token: str, claims: dict[str, Any]) -> None:
    if "iat" in claims:
        claims = {"iat": time.time() + claims["iat"]}
    assert read(client, token, proof(token, claims)).status_code == 200


MALFORMED = "The DPoP proof is not one JWT."
TYPE = "The DPoP proof is not of the type dpop+jwt."
ALG = "The DPoP proof is not signed by one of ES256, EdDSA, Ed25519."
NO_JWK = "The DPoP proof has no jwk for its alg, or a private one."
NO_KEY = "The DPoP proof has a jwk that is no key."
HTM = "The DPoP proof is for another method."
HTU = "The DPoP proof is for another URL."
ATH = "The DPoP proof is for another token."
IAT = "The DPoP proof has no iat."
AGE = "The DPoP proof is too old, or its clock is ahead."
OTHER_KEY = "The DPoP proof is by another key than that of the token."
Make = Callable[[str], str]
REPEATED = base64url(b'{"typ": 1, "typ": 1}')
UNSIGNED = f"{part({'typ': 'dpop+jwt', 'alg': 'none', 'jwk': JWK})}.{part({})}.AAAA"
SYMMETRIC = f"{part({'typ': 'dpop+jwt', 'alg': 'HS256', 'jwk': JWK})}.{part({})}.AAAA"
LIST = f"{part({'typ': 'dpop+jwt', 'alg': ['ES256'], 'jwk': JWK})}.{part({})}.AAAA"
SIGNATURE = "The DPoP proof has a wrong signature."
REFUSED: dict[str, tuple[Make, str]] = {
    "nothing": (lambda _: "", "The DPoP proof is missing."),
    "text": (lambda _: "proof", MALFORMED),
    "two headers": (lambda token: f"{proof(token)},{proof(token)}", MALFORMED),
    "no JSON": (lambda _: f"{part({})}.{part([])}.AAAA", MALFORMED),
    "padding": (lambda token: f"{proof(token)}=", MALFORMED),
    "repeated members": (lambda _: f"{REPEATED}.{part({})}.AAAA", MALFORMED),
    "too long": (lambda _: "a" * (MAX_LENGTH + 1), "The DPoP proof is longer than 4096 characters."),
    "as long as one may be": (lambda _: "a" * MAX_LENGTH, MALFORMED),
    "typ": (lambda token: proof(token, typ="JWT"), TYPE),
    "no typ": (lambda token: proof(token, typ=None), TYPE),
    "RSA": (lambda token: proof(token, alg="RS256"), ALG),
    "alg in a list": (lambda _: LIST, ALG),
    "unsigned": (lambda _: UNSIGNED, ALG),
    "symmetric": (lambda _: SYMMETRIC, ALG),
    "crit": (lambda token: proof(token, crit=["exp"]), "The DPoP proof has critical header parameters."),
    "no jwk": (lambda token: proof(token, jwk=None), NO_JWK),
    "jwk that is text": (lambda token: proof(token, jwk="key"), NO_JWK),
    "private jwk": (lambda token: proof(token, jwk={**JWK, "d": "AA"}), NO_JWK),
    "jwk of another alg": (lambda token: proof(token, jwk=JWKS["EdDSA"]), NO_JWK),
    "jwk of another curve": (lambda token: proof(token, jwk={**JWK, "crv": "P-384"}), NO_JWK),
    "no point": (lambda token: proof(token, jwk={"kty": "EC", "crv": "P-256"}), NO_KEY),
    "half a point": (lambda token: proof(token, jwk={"kty": "EC", "crv": "P-256", "x": JWK["x"]}), NO_KEY),
    "point off the curve": (lambda token: proof(token, jwk={**JWK, "y": JWK["x"]}), NO_KEY),
    "number for a point": (lambda token: proof(token, jwk={**JWK, "x": 1}), NO_KEY),
    "no signature": (lambda token: proof(token).rpartition(".")[0] + ".AAAA", SIGNATURE),
    "another key": (lambda token: proof(token, alg="EdDSA"), OTHER_KEY),
    "no jti": (lambda token: proof(token, {"jti": None}), "The DPoP proof has no jti."),
    "empty jti": (lambda token: proof(token, {"jti": ""}), "The DPoP proof has no jti."),
    "jti that is a number": (lambda token: proof(token, {"jti": 1}), "The DPoP proof has no jti."),
    "other method": (lambda token: proof(token, {"htm": "POST"}), HTM),
    "method in small letters": (lambda token: proof(token, {"htm": "get"}), HTM),
    "no method": (lambda token: proof(token, {"htm": None}), HTM),
    "other path": (lambda token: proof(token, {"htu": URL + "/1"}), HTU),
    "other host": (lambda token: proof(token, {"htu": "http://127.0.0.1:9001/timesheets"}), HTU),
    "other port": (lambda token: proof(token, {"htu": "http://localhost:9002/timesheets"}), HTU),
    "other scheme": (lambda token: proof(token, {"htu": "https://localhost:9001/timesheets"}), HTU),
    "no port": (lambda token: proof(token, {"htu": "http://localhost:port/timesheets"}), HTU),
    "user": (lambda token: proof(token, {"htu": "http://a@localhost:9001/timesheets"}), HTU),
    "path alone": (lambda token: proof(token, {"htu": "/timesheets"}), HTU),
    "no URL": (lambda token: proof(token, {"htu": None}), HTU),
    "URL with half a surrogate pair": (lambda token: proof(token, {"htu": f"{URL}\ud800"}), HTU),
    "URL with a line end in it": (lambda token: proof(token, {"htu": URL.replace("local", "local\n")}), HTU),
    "URL after a blank": (lambda token: proof(token, {"htu": f" {URL}"}), HTU),
    "URL in letters that look like it": (lambda token: proof(token, {"htu": f"{URL[:-1]}\u017f"}), HTU),
    "another token": (lambda _: proof("another"), ATH),
    "no token": (lambda token: proof(token, {"ath": None}), ATH),
    "no iat": (lambda token: proof(token, {"iat": None}), IAT),
    "iat as text": (lambda token: proof(token, {"iat": str(int(time.time()))}), IAT),
    "iat true": (lambda token: proof(token, {"iat": True}), IAT),
    "old": (lambda token: proof(token, {"iat": int(time.time()) - 600}), AGE),
    "of the future": (lambda token: proof(token, {"iat": int(time.time()) + 600}), AGE),
    "of a far future": (lambda token: proof(token, {"iat": 1e300}), AGE),
    "of a future that no float can hold": (lambda token: proof(token, {"iat": 10**400}), AGE),
    "of a past that no float can hold": (lambda token: proof(token, {"iat": -(10**400)}), AGE),
}


@pytest.mark.requirement(
    "RFC 9449 4.3 one header",
    "RFC 9449 4.3 well formed",
    "RFC 9449 4.3 claims",
    "RFC 9449 4.3 typ",
    "RFC 9449 4.3 alg",
    "RFC 9449 4.3 signature",
    "RFC 9449 4.3 public key",
    "RFC 9449 4.3 htm",
    "RFC 9449 4.3 htu",
    "RFC 9449 4.3 iat",
    "RFC 9449 4.3 ath",
    "RFC 9449 7.1 no proof",
    "RFC 9449 7.1 challenge",
    "RFC 9449 11.6 signed request",
    "RFC 7515 4.1.11 crit",
    "RFC 7518 6.2.1 point",
    "RFC 8725 3.4 inputs",
)
@pytest.mark.parametrize(("make", "description"), REFUSED.values(), ids=REFUSED)
def test_refuses_a_proof(client: FlaskClient, token: str, make: Make, description: str) -> None:
    response = read(client, token, make(token))
    assert response.status_code == 401
    assert response.get_json() == {"error": "invalid_dpop_proof", "error_description": description}
    assert response.headers.getlist("WWW-Authenticate") == challenges("invalid_dpop_proof", description)[1:]


def test_a_proof_counts_once(
    client: FlaskClient, token: str, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    sent = proof(token)
    assert read(client, token, sent).status_code == 200
    response = read(client, token, sent)
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_dpop_proof")
    [refused] = [line for line in log_lines() if line["message"] == "access token refused"]
    assert (refused["check"], refused["reason"]) == ("proof", "The DPoP proof was used before.")


@pytest.mark.requirement("RFC 9449 11.1 replay")
def test_a_proof_counts_once_for_all_workers(start_workers: Callable[..., Any], token: str) -> None:
    workers = start_workers(DPOP="1")
    sent = proof(token)
    head = "GET /timesheets HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Authorization: DPoP {token}\r\nDPoP: {sent}\r\n\r\n"
    answers = [workers.send(head.encode()).split(b" ", 2)[1] for _ in range(20)]
    assert sorted(answers) == [b"200", *[b"401"] * 19]


CANNOT_CHECK = "The token is bound in a way that this API cannot check."
WRONGLY_PRESENTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "bound, as Bearer": (
        {"cnf": {"jkt": thumbprint()}},
        "Bearer",
        "The token is bound to a DPoP key: present it as DPoP, with a proof.",
    ),
    "not bound, as DPoP": ({}, "DPoP", "The token is not bound to a DPoP key: present it as Bearer."),
    "bound to a certificate": (
        {"cnf": {"x5t#S256": "A" * 43}},
        "Bearer",
        CANNOT_CHECK,
    ),
    "bound twice": (
        {"cnf": {"jkt": thumbprint(), "x5t#S256": "A" * 43}},
        "DPoP",
        CANNOT_CHECK,
    ),
    "bound to nothing": ({"cnf": {}}, "Bearer", CANNOT_CHECK),  # found by fuzzing
    "bound to text": ({"cnf": "key"}, "Bearer", CANNOT_CHECK),
    "bound to null": ({"cnf": [None]}, "DPoP", CANNOT_CHECK),
}


@pytest.mark.requirement("RFC 9449 7.2 as Bearer")
@pytest.mark.parametrize(
    ("claims", "scheme", "description"), WRONGLY_PRESENTED.values(), ids=WRONGLY_PRESENTED
)
def test_refuses_a_token_that_is_presented_in_another_way_than_it_is_bound(
    client: FlaskClient,
    issuer: Any,
    log_lines: Callable[[], list[dict[str, Any]]],
    *,
    claims: dict[str, Any],
    scheme: str,
    description: str,
) -> None:
    token = issuer.token(**claims)
    response = read(client, token, proof(token), scheme=scheme)
    assert response.status_code == 401
    assert response.get_json() == {"error": "invalid_token", "error_description": description}
    assert response.headers.getlist("WWW-Authenticate") == challenges("invalid_token", description)
    assert [line["check"] for line in log_lines() if line["message"] == "access token refused"] == ["proof"]


@pytest.mark.parametrize("jkt", [None, 1, "", [], "x"])
def test_refuses_a_token_that_is_bound_to_no_key(client: FlaskClient, issuer: Any, jkt: Any) -> None:
    token = issuer.token(cnf={"jkt": jkt})
    assert read(client, token, proof(token)).get_json()["error_description"] == OTHER_KEY


@pytest.mark.requirement("RFC 9449 7.1 challenge")
def test_a_request_without_a_token_hears_of_both_schemes(client: FlaskClient) -> None:
    common = f'realm="Timesheets API", scope="read:timesheets", {METADATA}'
    response = client.get("/timesheets")
    assert response.headers.getlist("WWW-Authenticate") == [f"Bearer {common}", f"DPoP {common}, {ALGS}"]


def test_the_scope_is_checked_after_the_proof(client: FlaskClient, issuer: Any) -> None:
    token = issuer.token(cnf={"jkt": thumbprint()}, scope="other")
    assert read(client, token).status_code == 401
    assert read(client, token, proof(token)).status_code == 403


@pytest.mark.requirement("RFC 9728 2 DPoP")
def test_metadata_names_the_algorithms(make_client: Callable[..., FlaskClient]) -> None:
    for setting, required in (("1", False), ("required", True)):
        metadata = make_client(dpop=setting).get("/.well-known/oauth-protected-resource").get_json()
        assert metadata["dpop_signing_alg_values_supported"] == ["ES256", "EdDSA", "Ed25519"]
        assert metadata["dpop_bound_access_tokens_required"] is required
    metadata = make_client(dpop="0").get("/.well-known/oauth-protected-resource").get_json()
    assert not [name for name in metadata if name.startswith("dpop")]


def test_without_the_setting_no_bound_token_is_served(
    make_client: Callable[..., FlaskClient], token: str
) -> None:
    client = make_client(dpop="0")
    response = read(client, token, proof(token), scheme="Bearer")
    assert response.get_json()["error_description"] == CANNOT_CHECK
    response = read(client, token, proof(token))
    assert response.status_code == 401
    assert response.headers.getlist("WWW-Authenticate") == [
        f'Bearer realm="Timesheets API", scope="read:timesheets", {METADATA}'
    ]


def test_with_the_setting_required_no_other_token_is_served(
    make_client: Callable[..., FlaskClient], issuer: Any, token: str
) -> None:
    client = make_client(dpop="required")
    assert read(client, token, proof(token)).status_code == 200
    response = read(client, issuer.token(), scheme="Bearer")
    assert response.status_code == 401
    common = f'realm="Timesheets API", scope="read:timesheets", {METADATA}, {ALGS}'
    assert response.headers.getlist("WWW-Authenticate") == [f"DPoP {common}"]
    description = read(client, issuer.token()).get_json()["error_description"]
    assert description == "The token is not bound to a key, as this API demands."


def test_a_route_alone_may_demand_it(issuer: Any, token: str) -> None:
    app = Flask(__name__)
    possession = dpop("http://localhost:9001", lambda *_: False)
    protect(app, issuer=issuer.url, audience="http://localhost:9001", realm="R", possession=possession)

    @app.get("/timesheets")
    @require_scope("read:timesheets", bound=True)
    def view(_: AccessToken) -> str:
        return "served"

    client = app.test_client()
    assert read(client, token, proof(token)).status_code == 200
    response = read(client, issuer.token(), scheme="Bearer")
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_token",
        "error_description": "The token is not bound to a key, as this API demands.",
    }


def test_a_proof_names_the_host_of_an_api_whose_url_has_a_path(issuer: Any) -> None:
    """The path is that of the request."""
    app, audience = Flask(__name__), "http://localhost:9001/api"
    possession = dpop(audience, lambda *_: False)
    protect(app, issuer=issuer.url, audience=audience, realm="R", possession=possession)
    app.get("/timesheets")(require_scope("read:timesheets")(lambda _: "served"))
    token = issuer.token(aud=audience, cnf={"jkt": thumbprint()})
    assert read(app.test_client(), token, proof(token)).status_code == 200


@pytest.mark.requirement("RFC 9449 4.3 iat")
@pytest.mark.parametrize(("age", "status"), [(61, 401), (60, 200), (-60, 200), (-61, 401)])
def test_a_proof_is_accepted_within_a_minute_and_remembered_for_a_minute_more(
    issuer: Any, token: str, age: int, status: int
) -> None:
    now, until = int(time.time()), []

    def seen(_: bytes, remembered_until: int) -> bool:
        until.append(remembered_until)
        return False

    proofs = DpopProofs("http://localhost:9001", seen, clock=lambda: now)
    possession = ProofOfPossession({"jkt": proofs.confirm}, schemes={"DPoP": {}})
    app = Flask(__name__)
    protect(app, issuer=issuer.url, audience="http://localhost:9001", realm="R", possession=possession)
    app.get("/timesheets")(require_scope("read:timesheets")(lambda _: "served"))
    assert read(app.test_client(), token, proof(token, {"iat": now - age})).status_code == status
    assert until == ([now - age + 2 * WINDOW] if status == 200 else [])


@pytest.fixture
def nonce_client(make_client: Callable[..., FlaskClient], tmp_path: Path) -> FlaskClient:
    """Return a client of an API whose proofs need nonces (RFC 9449 9)."""
    file = tmp_path / "nonce-key"
    file.write_text("n" * 43)
    return make_client(dpop_nonce_key_file=str(file))


@pytest.mark.requirement("RFC 9449 4.3 nonce", "RFC 9449 9 API's nonce")
@pytest.mark.parametrize("claims", [{}, {"nonce": "mine"}, {"nonce": "\u00e9"}, {"nonce": 1}])
def test_a_proof_without_a_nonce_is_refused_and_gets_one(
    nonce_client: FlaskClient,
    token: str,
    log_lines: Callable[[], list[dict[str, Any]]],
    claims: dict[str, Any],
) -> None:
    response = read(nonce_client, token, proof(token, claims))
    description = "The DPoP proof needs the nonce of this answer's DPoP-Nonce header."
    assert response.status_code == 401
    assert response.get_json() == {"error": "use_dpop_nonce", "error_description": description}
    assert response.headers.getlist("WWW-Authenticate") == challenges("use_dpop_nonce", description)[1:]
    assert [line["check"] for line in log_lines() if line["message"] == "access token refused"] == ["proof"]
    good = proof(token, {"nonce": response.headers["DPoP-Nonce"], "iat": 1})
    assert [read(nonce_client, token, good).status_code for _ in range(2)] == [200, 401]


def test_a_nonce_key_that_is_gone_is_no_fault_of_the_caller(
    nonce_client: FlaskClient, token: str, tmp_path: Path, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    (tmp_path / "nonce-key").unlink()
    response = read(nonce_client, token, proof(token))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert "WWW-Authenticate" not in response.headers
    [line] = [line for line in log_lines() if line["message"] == "access token not checked"]
    problem = "cannot be read (No such file or directory); restore or create it"
    assert (line["check"], line["reason"]) == ("proof", f"{tmp_path / 'nonce-key'} {problem}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read (No such file or directory); restore or create it"),
        ("k" * 31 + "\n", "has less than 32 characters; write a random key into it"),
    ],
)
def test_a_start_says_why_the_nonce_key_cannot_be_used(
    tmp_path: Path, content: str | None, problem: str
) -> None:
    file = tmp_path / "nonce-key"
    if content:
        file.write_text(content)
    environ = {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9001"}
    environ |= {"DATABASE_FILE": str(tmp_path / "db"), "DPOP_NONCE_KEY_FILE": str(file)}
    with pytest.raises(SettingsError) as problems:
        Settings.from_environ(environ)
    assert problems.value.problems == (f"DPOP_NONCE_KEY_FILE: {file} {problem}",)


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@pytest.mark.fuzz
@given(
    st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "crit", "d"]), JSON),
    st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "ath", "nonce"]), JSON, min_size=1),
)
def test_no_other_header_or_claim_is_accepted(
    fuzzed: FlaskClient, fuzzed_token: str, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    signed = f"{part({'typ': 'dpop+jwt', 'alg': 'ES256', 'jwk': JWK} | header)}.{part(claims)}"
    signature = get_default_algorithms()["ES256"].sign(signed.encode(), PRIVATE["ES256"])
    response = read(fuzzed, fuzzed_token, f"{signed}.{base64url(signature)}")
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_dpop_proof")


@pytest.fixture(scope="module")
def fuzzed(shared_settings: Settings) -> FlaskClient:
    app = create_app(replace(shared_settings, dpop="1"))
    app.extensions["keys"].refresh()
    return app.test_client()


@pytest.fixture(scope="module")
def fuzzed_token(shared_issuer: Any) -> str:
    compact: str = shared_issuer.token(cnf={"jkt": thumbprint()})
    return compact


@pytest.mark.fuzz
@given(st.text())
def test_any_text_has_a_normal_form_or_none(text: str) -> None:
    assert normalised(f"https://issuer.example{text}") != normalised("https://other.example/")


@pytest.mark.requirement("RFC 9449 4.3 normalised")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://API.example:80/a", "http://api.example/a"),
        ("https://api.example:443/a", "https://api.example/a?b#c"),
        ("https://api.example", "https://api.example/"),
    ],
)
def test_urls_that_name_the_same_have_one_normal_form(one: str, other: str) -> None:
    assert normalised(one) == normalised(other) is not None
