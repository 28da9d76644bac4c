"""DPoP (RFC 9449): a token is bound to the key of the request's proof, and no other request can use it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database.tables import seen_proofs
from auth_server.errors import InvalidDpopProofError
from auth_server.expiring_rows import ExpiringRows
from auth_server.protocol.dpop_proof import MOST_CHARACTERS, DpopProofs, normalised
from auth_server.settings_reader import SettingsError
from auth_server.startup import Service, open_service
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwk, jws
from joserfc.jwk import Key
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from sqlalchemy import insert, select
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Start = Callable[[dict[str, str]], Service]
Proof = Callable[..., str]
LogLines = Callable[[], list[dict[str, Any]]]
URL = "https://issuer.example/oauth/token"
KEYS: dict[str, Key] = {
    "ES256": jwk.generate_key("EC", "P-256"),
    "EdDSA": jwk.generate_key("OKP", "Ed25519"),
    "Ed25519": jwk.generate_key("OKP", "Ed25519"),
    "RS256": jwk.generate_key("RSA", 2048),
}
JWK = KEYS["ES256"].as_dict(private=False)
GOOD = {"grant_type": "client_credentials"}
PLAIN = "{client_id: job, name: Job, secret_digest_files: [job.sha256]}"
BOUND = PLAIN.replace("}", ", dpop_bound_access_tokens: true}")


def part(members: object) -> str:
    return urlsafe_b64encode(json.dumps(members).encode()).decode()


def proof(claims: dict[str, Any] | None = None, alg: str = "ES256", **header: Any) -> str:
    """Return a valid proof, except for what the test changes; None removes a member."""
    key = KEYS[alg]
    head = {"typ": "dpop+jwt", "alg": alg, "jwk": key.as_dict(private=False)} | header
    body = {"jti": str(time.perf_counter_ns()), "htm": "POST", "htu": URL, "iat": int(time.time())}
    parts = [{k: v for k, v in each.items() if v is not None} for each in (head, body | (claims or {}))]
    signed = ".".join(map(part, parts))
    algorithm = jws.JWSRegistry.algorithms["EdDSA" if alg == "Ed25519" else alg]
    return f"{signed}.{urlsafe_b64encode(algorithm.sign(signed.encode(), key)).decode()}"


@pytest.fixture
def service(environ: dict[str, str], start: Start) -> Service:
    return start(environ | {"DPOP": "1"})


def asking(service: Service) -> Ask:
    """Return a function that sends a token request of `job`, with a proof or without."""
    client = create_app(service).test_client()

    def ask(sent: str = "") -> TestResponse:
        headers = {"DPoP": sent} if sent else {}
        return client.post("/oauth/token", data=GOOD, auth=("job", "job-secret"), headers=headers)

    return ask


def claims_of(response: TestResponse) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(
        urlsafe_b64decode(response.get_json()["access_token"].split(".")[1].encode())
    )
    return claims


@pytest.mark.requirement(
    "RFC 9449 5 token type",
    "RFC 9449 6.1 jkt",
    "RFC 9449 6.2 introspection",
    "RFC 7638 3 computed",
    "RFC 9700 2.2.1 bound tokens",
)
@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "Ed25519"])
def test_binds_the_token_to_the_key_of_the_proof(
    ask: Ask, introspect: Ask, log_lines: LogLines, alg: str
) -> None:
    """RFC 9449 5, 6.1 and 6.2."""
    response = ask(headers={"DPoP": proof(alg=alg)})
    assert response.status_code == 200
    assert response.get_json()["token_type"] == "DPoP"
    confirmation = {"jkt": KEYS[alg].thumbprint()}
    assert claims_of(response)["cnf"] == confirmation
    told = introspect(response.get_json()["access_token"]).get_json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", confirmation)
    assert "DPoP-Nonce" not in response.headers
    assert [line["jkt"] for line in log_lines() if line["message"] == "token issued"] == [confirmation["jkt"]]


def test_a_request_without_a_proof_gets_a_bearer_token(ask: Ask) -> None:
    response = ask()
    assert response.get_json()["token_type"] == "Bearer"
    assert "cnf" not in claims_of(response)


@pytest.mark.requirement("RFC 9449 4.3 normalised")
@pytest.mark.parametrize(
    "claims",
    [
        {"htu": URL + "?a=b#c"},
        {"htu": "HTTPS://ISSUER.example:443/oauth/%74oken"},
        {"iat": -50},
        {"iat": 50},
        {"exp": 1, "nonce": "not asked for"},
    ],
)
def test_accepts_what_the_rfc_allows(ask: Ask, claims: dict[str, Any]) -> None:
    if "iat" in claims:
        claims = {"iat": time.time() + claims["iat"]}
    assert ask(headers={"DPoP": proof(claims)}).status_code == 200


MALFORMED = "The DPoP header is not one JWT."
TYPE = "The DPoP proof is not of the type dpop+jwt."
ALG = "The DPoP proof is not signed by one of ES256, EdDSA, Ed25519."
NO_JWK = "The DPoP proof has no jwk for its alg, or a private one."
NO_KEY = "The DPoP proof has a jwk that is no key."
SIGNATURE = "The DPoP proof has a wrong signature."
HTU = "The DPoP proof is for another URL."
IAT = "The DPoP proof has no iat."
AGE = "The DPoP proof is too old, or its clock is ahead."
REFUSED: dict[str, tuple[Callable[[], str], str]] = {
    "nothing": (lambda: "", MALFORMED),
    "a blank": (lambda: " ", MALFORMED),
    "text": (lambda: "proof", MALFORMED),
    "two headers": (lambda: f"{proof()},{proof()}", MALFORMED),
    "no JSON": (lambda: f"{part({})}.{part([])}.AAAA", MALFORMED),
    "too long": (lambda: "a" * (MOST_CHARACTERS + 1), "The DPoP proof is longer than 4096 characters."),
    "typ": (lambda: proof(typ="JWT"), TYPE),
    "no typ": (lambda: proof(typ=None), TYPE),
    "typ of an assertion": (lambda: proof(typ="client-authentication+jwt"), TYPE),
    "RSA": (lambda: proof(alg="RS256"), ALG),
    "no alg": (lambda: f"{part({'typ': 'dpop+jwt', 'jwk': JWK})}.{part({})}.AAAA", ALG),
    "alg in a list": (
        lambda: f"{part({'typ': 'dpop+jwt', 'alg': ['ES256'], 'jwk': JWK})}.{part({})}.AAAA",
        ALG,
    ),
    "unsigned": (lambda: f"{part({'typ': 'dpop+jwt', 'alg': 'none', 'jwk': JWK})}.{part({})}.AAAA", ALG),
    "symmetric": (lambda: f"{part({'typ': 'dpop+jwt', 'alg': 'HS256', 'jwk': JWK})}.{part({})}.AAAA", ALG),
    "crit": (lambda: proof(crit=["exp"]), "The DPoP proof has critical header parameters."),
    "no jwk": (lambda: proof(jwk=None), NO_JWK),
    "jwk that is text": (lambda: proof(jwk="key"), NO_JWK),
    "private jwk": (lambda: proof(jwk=KEYS["ES256"].as_dict(private=True)), NO_JWK),
    "jwk of another alg": (lambda: proof(jwk=KEYS["EdDSA"].as_dict(private=False)), NO_JWK),
    "jwk of another curve": (lambda: proof(jwk={**JWK, "crv": "P-384"}), NO_JWK),
    "jwk with half a point": (lambda: proof(jwk={**JWK, "y": None}), NO_KEY),
    "jwk off the curve": (lambda: proof(jwk={**JWK, "y": JWK["x"]}), NO_KEY),
    "jwk with a number": (lambda: proof(jwk={**JWK, "x": 1}), NO_KEY),
    "another's jwk": (lambda: proof(jwk=jwk.generate_key("EC", "P-256").as_dict(private=False)), SIGNATURE),
    "no signature to speak of": (lambda: proof().rpartition(".")[0] + ".AAAA", SIGNATURE),
    "no jti": (lambda: proof({"jti": None}), "The DPoP proof has no jti."),
    "empty jti": (lambda: proof({"jti": ""}), "The DPoP proof has no jti."),
    "jti that is a number": (lambda: proof({"jti": 1}), "The DPoP proof has no jti."),
    "other method": (lambda: proof({"htm": "GET"}), "The DPoP proof is for another method."),
    "method in small letters": (lambda: proof({"htm": "post"}), "The DPoP proof is for another method."),
    "no method": (lambda: proof({"htm": None}), "The DPoP proof is for another method."),
    "other path": (lambda: proof({"htu": URL + "/"}), HTU),
    "other host": (lambda: proof({"htu": "https://other.example/oauth/token"}), HTU),
    "other scheme": (lambda: proof({"htu": "http://issuer.example/oauth/token"}), HTU),
    "other port": (lambda: proof({"htu": "https://issuer.example:444/oauth/token"}), HTU),
    "no port": (lambda: proof({"htu": "https://issuer.example:port/oauth/token"}), HTU),
    "user": (lambda: proof({"htu": "https://a@issuer.example/oauth/token"}), HTU),
    "path alone": (lambda: proof({"htu": "/oauth/token"}), HTU),
    "no URL": (lambda: proof({"htu": None}), HTU),
    "URL in a list": (lambda: proof({"htu": [URL]}), HTU),
    "URL with half a surrogate pair": (lambda: proof({"htu": f"{URL}\ud800"}), HTU),
    "URL with a line end in it": (lambda: proof({"htu": URL.replace("issuer", "iss\nuer")}), HTU),
    "URL after a blank": (lambda: proof({"htu": f" {URL}"}), HTU),
    "URL in letters that look like it": (lambda: proof({"htu": URL.replace("https", "http\u017f")}), HTU),
    "no iat": (lambda: proof({"iat": None}), IAT),
    "iat as text": (lambda: proof({"iat": str(int(time.time()))}), IAT),
    "iat true": (lambda: proof({"iat": True}), IAT),
    "old": (lambda: proof({"iat": int(time.time()) - 600}), AGE),
    "of the future": (lambda: proof({"iat": int(time.time()) + 600}), AGE),
    "of a far future": (lambda: proof({"iat": 1e300}), AGE),
    "of a future that no float can hold": (lambda: proof({"iat": 10**400}), AGE),
    "of a past that no float can hold": (lambda: proof({"iat": -(10**400)}), AGE),
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
    "RFC 9449 5 invalid proof",
    "RFC 9449 11.6 signed request",
    "RFC 7515 4.1.11 crit",
    "RFC 7518 3.6 none",
    "RFC 7518 6.2.1 point",
    "RFC 8725 3.4 inputs",
    "RFC 8725 3.11 typ",
    "RFC 8725 3.12 exclusive rules",
)
@pytest.mark.parametrize(("make", "description"), REFUSED.values(), ids=REFUSED)
def test_refuses_a_proof(ask: Ask, log_lines: LogLines, make: Callable[[], str], description: str) -> None:
    response = ask(headers={"DPoP": make()})
    assert response.status_code == 400
    assert response.get_json() == {"error": "invalid_dpop_proof", "error_description": description}
    assert response.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in response.headers
    refused = [line for line in log_lines() if line["message"] == "token refused"]
    assert [(line["error"], line["reason"]) for line in refused] == [("invalid_dpop_proof", description)]


@pytest.mark.requirement("RFC 9449 11.1 replay")
@pytest.mark.databases("sqlite", "postgresql")
def test_takes_a_proof_once(ask: Ask) -> None:
    sent = proof()
    assert ask(headers={"DPoP": sent}).status_code == 200
    response = ask(headers={"DPoP": sent})
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_dpop_proof",
        "error_description": "The DPoP proof was used before.",
    }


def test_two_keys_may_use_the_same_jti(ask: Ask) -> None:
    for alg in ("ES256", "EdDSA"):
        assert ask(headers={"DPoP": proof({"jti": "1"}, alg)}).status_code == 200


def test_a_wrong_secret_is_refused_before_the_proof_is_read(ask: Ask) -> None:
    sent = proof()
    assert ask(auth=("job", "wrong"), headers={"DPoP": sent}).get_json()["error"] == "invalid_client"
    assert ask(headers={"DPoP": sent}).status_code == 200


def test_without_the_setting_the_header_is_ignored(environ: dict[str, str], start: Start) -> None:
    assert asking(start(environ))("garbage").get_json()["token_type"] == "Bearer"


@pytest.fixture
def ask_bound(environ: dict[str, str], start: Start) -> Ask:
    """Return what asks for a client with `dpop_bound_access_tokens: true` (RFC 9449 5.2)."""
    _declare(environ, BOUND)
    return asking(start(environ | {"DPOP": "1"}))


@pytest.mark.requirement("RFC 9449 5.2 bound clients")
def test_a_client_whose_tokens_must_be_bound_needs_a_proof(ask_bound: Ask) -> None:
    assert ask_bound(proof()).get_json()["token_type"] == "DPoP"
    response = ask_bound()
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_request",
        "error_description": "This client must send a DPoP proof.",
    }


def test_such_a_client_gets_a_bearer_token_once_the_flag_is_taken_away(
    ask_bound: Ask, environ: dict[str, str], start: Start
) -> None:
    """A refusal never comes from a client that is remembered."""
    assert ask_bound(proof()).status_code == 200
    _declare(environ, PLAIN, before=BOUND)
    start(environ | {"DPOP": "1"})
    assert ask_bound().get_json()["token_type"] == "Bearer"


@pytest.fixture
def ask_with_nonce(environ: dict[str, str], start: Start, tmp_path: Path) -> Ask:
    """Return what asks a server whose proofs need nonces (RFC 9449 8)."""
    file = tmp_path / "nonce-key"
    file.write_text("n" * 43)
    return asking(start(environ | {"DPOP": "1", "DPOP_NONCE_KEY_FILE": str(file)}))


@pytest.mark.requirement("RFC 9449 4.3 nonce", "RFC 9449 8 demanded")
@pytest.mark.parametrize("claims", [{}, {"nonce": "mine"}, {"nonce": 1}])
def test_a_proof_without_a_nonce_is_refused_and_gets_one(ask_with_nonce: Ask, claims: dict[str, Any]) -> None:
    response = ask_with_nonce(proof(claims))
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "use_dpop_nonce",
        "error_description": "The DPoP proof needs the nonce of this answer's DPoP-Nonce header.",
    }
    again = ask_with_nonce(proof({"nonce": response.headers["DPoP-Nonce"]}))
    assert again.get_json()["token_type"] == "DPoP"
    assert again.headers["DPoP-Nonce"]


def test_a_client_with_a_nonce_may_have_a_wrong_clock(ask_with_nonce: Ask) -> None:
    """RFC 9449 4.3: the nonce says when the proof was made."""
    nonce = ask_with_nonce(proof()).headers["DPoP-Nonce"]
    assert ask_with_nonce(proof({"nonce": nonce, "iat": 1})).status_code == 200


def test_a_proof_with_a_nonce_counts_once(ask_with_nonce: Ask) -> None:
    nonce = ask_with_nonce(proof()).headers["DPoP-Nonce"]
    sent = proof({"nonce": nonce})
    assert [ask_with_nonce(sent).status_code for _ in range(2)] == [200, 400]


def test_a_request_without_a_proof_needs_no_nonce(ask_with_nonce: Ask) -> None:
    assert ask_with_nonce().get_json()["token_type"] == "Bearer"


def test_a_nonce_key_that_is_gone_is_no_fault_of_the_caller(ask_with_nonce: Ask, tmp_path: Path) -> None:
    (tmp_path / "nonce-key").unlink()
    response = ask_with_nonce(proof())
    assert response.status_code == 503
    assert response.get_json()["error"] == "temporarily_unavailable"


@pytest.mark.kinds_of_failures(
    "proof-at-the-authorization-server", {"replay-cache-evicts": "The DPoP proof was used before."}
)
def test_forgets_no_proof_before_it_expires_however_many_come(service: Service) -> None:
    now = [int(time.time())]
    proofs = DpopProofs(URL, ExpiringRows(service.engine, seen_proofs, lambda: now[0]), now=lambda: now[0])
    sent = proof({"iat": now[0] + 60})
    proofs.bound_key(sent)
    others = [
        {"proof_digest": bytes([7]) + number.to_bytes(31), "expires_at": 2**40} for number in range(20_000)
    ]
    with service.engine.begin() as connection:
        connection.execute(insert(seen_proofs), others)
    now[0] += 119
    with pytest.raises(InvalidDpopProofError, match=r"The DPoP proof was used before\."):
        proofs.bound_key(sent)


def test_a_proof_stays_seen_until_no_host_accepts_it(service: Service) -> None:
    """Whose clock is up to a minute behind ours."""
    now = int(time.time())
    proofs = DpopProofs(URL, ExpiringRows(service.engine, seen_proofs), now=lambda: now)
    proofs.bound_key(proof({"iat": now + 60}))
    with service.engine.connect() as connection:
        assert connection.execute(select(seen_proofs.c.expires_at)).scalar_one() == now + 180


@pytest.mark.requirement("RFC 9449 5.1 algorithms")
def test_the_metadata_names_the_algorithms(client: FlaskClient) -> None:
    metadata = client.get("/.well-known/oauth-authorization-server").get_json()
    assert metadata["dpop_signing_alg_values_supported"] == ["ES256", "EdDSA", "Ed25519"]


def test_a_start_says_which_client_could_get_no_token(environ: dict[str, str]) -> None:
    _declare(environ, BOUND)
    with pytest.raises(SettingsError) as problems:
        _ = open_service(environ).tenant
    assert problems.value.problems == ("DPOP: job has dpop_bound_access_tokens; set DPOP to 1",)


def test_a_start_says_that_the_nonce_key_cannot_be_used(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "missing"
    with pytest.raises(SettingsError) as problems:
        open_service(environ | {"DPOP": "1", "DPOP_NONCE_KEY_FILE": str(file)})
    text = f"DPOP_NONCE_KEY_FILE: {file} cannot be read (No such file or directory); restore or create it"
    assert problems.value.problems == (text,)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3
)
MEMBERS = st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "crit", "kid", "d"]), JSON)
CLAIMS = st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat", "nonce", "exp"]), JSON, min_size=1)


@pytest.mark.fuzz
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MEMBERS, CLAIMS)
def test_no_other_header_or_claim_is_accepted(
    ask: Ask, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    signed = f"{part({'typ': 'dpop+jwt', 'alg': 'ES256', 'jwk': JWK} | header)}.{part(claims)}"
    signature = jws.JWSRegistry.algorithms["ES256"].sign(signed.encode(), KEYS["ES256"])
    response = ask(headers={"DPoP": f"{signed}.{urlsafe_b64encode(signature).decode()}"})
    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_dpop_proof"


@pytest.mark.fuzz
@given(st.text())
def test_any_text_has_a_normal_form_or_none(text: str) -> None:
    assert normalised(f"https://issuer.example{text}") != normalised("https://other.example/")


def _declare(environ: dict[str, str], job: str, before: str = PLAIN) -> None:
    file = Path(environ["TENANT_FILE"])
    tenant = file.read_text()
    assert before in tenant
    file.write_text(tenant.replace(before, job))
