import json
import threading
import traceback
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from calling_service.cli import main
from calling_service.oauth_client.private_key_jwt import (
    ASSERTION_TYPE,
    LIFETIME,
    PrivateKeyTokenSource,
    public_jwk_set,
)
from calling_service.oauth_client.token_source import TokenError
from calling_service.service import build
from calling_service.settings import Settings
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc.jwk import import_key
from recording.redaction import CUT
from requests.adapters import HTTPAdapter

ISSUER, SCOPES, NOW = "https://as.example", ("a",), 1_800_000_000
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(key: Any, encryption: Any = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    written: bytes = key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())
    return written


def on_another_curve() -> bytes:
    """Return a key on prime192v2, which cryptography does not know; its name differs in the last byte."""
    der = KEYS["ES256"].private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    p256 = bytes.fromhex("06082a8648ce3d030107")
    encoded = b64encode(der.replace(p256, p256[:-1] + b"\x02"))
    return b"-----BEGIN PRIVATE KEY-----\n" + encoded + b"\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(KEYS["ES256"]))
    return path


@pytest.fixture
def source(endpoint: Any, key_file: Path, clock: Any) -> Iterator[PrivateKeyTokenSource]:
    with requests.Session() as session:
        yield PrivateKeyTokenSource(
            issuer=ISSUER,
            client_id="approvals-bot",
            secret_file=key_file,
            token_url=endpoint.url,
            session=session,
            clock=clock,
            wall_clock=lambda: NOW + 0.5,
        )


@pytest.mark.requirement(
    "RFC 6749 2.3 one method",
    "RFC 7523 2.2 parameters",
    "RFC 7523 3 iss and sub",
    "RFC 10070 4 sole audience",
    "RFC 10070 4 client's typ",
    "RFC 9700 2.5 asymmetric",
)
@pytest.mark.parametrize("algorithm", KEYS)
def test_authenticates_with_a_signed_assertion_and_nothing_else(
    source: PrivateKeyTokenSource, endpoint: Any, key_file: Path, algorithm: str
) -> None:
    key_file.write_bytes(pem(KEYS[algorithm]))
    source.get("https://api.example", SCOPES)
    (request,) = endpoint.requests
    assert request.headers.get("Authorization") is None
    assertion = request.form["client_assertion"]
    assert set(request.form) == {
        "grant_type",
        "audience",
        "scope",
        "client_assertion_type",
        "client_assertion",
    }
    assert request.form["client_assertion_type"] == ASSERTION_TYPE
    (registered,) = public_jwk_set(key_file.read_text())["keys"]
    header = jwt.get_unverified_header(assertion)
    assert header == {"alg": algorithm, "kid": registered["kid"], "typ": "client-authentication+jwt"}
    public = KEYS[algorithm].public_key()
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(
        assertion, public, [algorithm], audience=ISSUER, issuer="approvals-bot", options=options
    )
    assert len(claims.pop("jti")) >= 16
    assert claims == {
        "iss": "approvals-bot",
        "sub": "approvals-bot",
        "aud": ISSUER,
        "iat": NOW,
        "exp": NOW + LIFETIME,
    }


def assertion_ids(endpoint: Any) -> list[str]:
    assertions = [request.form["client_assertion"] for request in endpoint.requests]
    return [jwt.decode(each, options={"verify_signature": False})["jti"] for each in assertions]


@pytest.mark.requirement("RFC 7523 3 jti")
def test_each_call_has_a_jti_of_its_own(source: PrivateKeyTokenSource, endpoint: Any, clock: Any) -> None:
    for _ in range(3):
        source.get("https://api.example", SCOPES)
        clock.now += 3600
    assert len(set(assertion_ids(endpoint))) == 3


UNKNOWN = "no RSA, P-256 or Ed25519 key in PEM without a password"
ENCRYPTED = "a key that is encrypted with a password; save it without one"
PASSWORD = BestAvailableEncryption(b"password")
RFC_8037_KEY = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"  # A.1, and its thumbprint in A.3
RFC_8037_THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


EC_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
UNUSABLE = {
    "no key": (b"no key", UNKNOWN),
    "half of a key": (pem(KEYS["EdDSA"])[:60], UNKNOWN),
    "line ends as text": (pem(KEYS["EdDSA"]).replace(b"\n", b"\\n"), UNKNOWN),
    "X25519": (pem(x25519.X25519PrivateKey.generate()), UNKNOWN),
    "P-384": (pem(ec.generate_private_key(ec.SECP384R1())), UNKNOWN),
    "prime192v2": (on_another_curve(), UNKNOWN),
    "encrypted": (pem(KEYS["ES256"], PASSWORD), ENCRYPTED),
    "encrypted in the old form": (pem(KEYS["RS256"], PASSWORD, PrivateFormat.TraditionalOpenSSL), ENCRYPTED),
    "short": (
        pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505  # that is the fault
        "an RSA key of less than 2048 bits; make a longer one",
    ),
}
USABLE = {
    "CRLF": pem(KEYS["EdDSA"]).replace(b"\n", b"\r\n"),
    "a byte order mark": b"\xef\xbb\xbf" + pem(KEYS["EdDSA"]),
    "empty lines": b"\n" + pem(KEYS["EdDSA"]).strip() + b"\n\n\n",
    "text before it": b"Bag Attributes\n    friendlyName: a\n\n" + pem(KEYS["EdDSA"]),
    "text after it": pem(KEYS["EdDSA"]) + b"a note after it\n",
    "RSA in the old form": pem(KEYS["RS256"], None, PrivateFormat.TraditionalOpenSSL),
    "EC with its parameters": EC_PARAMETERS + pem(KEYS["ES256"], None, PrivateFormat.TraditionalOpenSSL),
}


@pytest.mark.requirement("RFC 7518 3.3 RSA size", "RFC 8725 3.5 entropy")
@pytest.mark.parametrize("name", UNUSABLE)
def test_the_error_says_what_kind_of_key_is_usable_and_quotes_nothing(
    source: PrivateKeyTokenSource, endpoint: Any, key_file: Path, name: str
) -> None:
    content, fault = UNUSABLE[name]
    key_file.write_bytes(content)
    with pytest.raises(TokenError) as error:
        source.get("https://api.example", SCOPES)
    assert str(error.value) == f"no_credential: {key_file} holds {fault}"
    printed = "".join(traceback.format_exception(error.value))
    assert not any(line in printed for line in content.decode().splitlines() if len(line) > 20)
    assert endpoint.calls == 0


@pytest.mark.parametrize("name", USABLE)
def test_reads_a_key_as_other_programs_write_it(
    source: PrivateKeyTokenSource, key_file: Path, name: str
) -> None:
    key_file.write_bytes(USABLE[name])
    assert source.get("https://api.example", SCOPES).value


def test_the_key_is_named_by_its_thumbprint() -> None:
    seed = urlsafe_b64decode(RFC_8037_KEY + "=")
    (member,) = public_jwk_set(pem(ed25519.Ed25519PrivateKey.from_private_bytes(seed)).decode())["keys"]
    assert member["kid"] == RFC_8037_THUMBPRINT


@pytest.mark.requirement("RFC 7638 3 computed", "RFC 7638 3.2 required members")
@pytest.mark.parametrize("algorithm", KEYS)
def test_another_implementation_computes_the_same_thumbprint(algorithm: str) -> None:
    (member,) = public_jwk_set(pem(KEYS[algorithm]).decode())["keys"]
    assert import_key(member).thumbprint() == member["kid"]


def test_a_server_that_gives_keys_its_own_names_is_told_that_name(
    source: PrivateKeyTokenSource, endpoint: Any
) -> None:
    source.kid = "its-own"
    source.get("https://api.example", SCOPES)
    assertion = endpoint.requests[0].form["client_assertion"]
    assert jwt.get_unverified_header(assertion)["kid"] == "its-own"


@pytest.mark.requirement("RFC 7517 9.2 private keys")
@pytest.mark.parametrize("algorithm", KEYS)
def test_the_key_set_to_register_verifies_what_the_key_signs_and_has_no_private_member(
    algorithm: str,
) -> None:
    (member,) = public_jwk_set(pem(KEYS[algorithm]).decode())["keys"]
    assert (member["use"], member["alg"]) == ("sig", algorithm)
    assert not member.keys() & {"d", "p", "q", "dp", "dq", "qi"}
    assert jwt.decode(jwt.encode({"a": 1}, KEYS[algorithm], algorithm), jwt.PyJWK(member)) == {"a": 1}


def test_the_command_prints_the_key_set_of_a_file_or_of_standard_input(key_file: Path) -> None:
    runner, written = CliRunner(), key_file.read_text()
    printed = [runner.invoke(main, ["public-keys", str(key_file)])]
    printed += [runner.invoke(main, ["public-keys", "-"], input=written)]
    assert [json.loads(one.output) for one in printed] == [public_jwk_set(written)] * 2


@pytest.mark.parametrize("content", [b"secret", "secret".encode("utf-16")])
def test_the_command_names_the_usable_kinds_of_key(key_file: Path, content: bytes) -> None:
    key_file.write_bytes(content)
    refused = CliRunner().invoke(main, ["public-keys", str(key_file)])
    usable = "RSA, P-256 or Ed25519 key in PEM without a password"
    assert (refused.exit_code, refused.output) == (1, f"Error: {key_file} holds no {usable}\n")


def test_after_invalid_client_a_changed_key_is_tried_at_once(
    source: PrivateKeyTokenSource, endpoint: Any, key_file: Path
) -> None:
    endpoint.answers = [endpoint.error(401, "invalid_client")]
    for _ in range(2):
        with pytest.raises(TokenError, match="invalid_client"):
            source.get("https://api.example", SCOPES)
    assert endpoint.calls == 1
    key_file.write_bytes(pem(KEYS["EdDSA"]))
    assert source.get("https://api.example", SCOPES).value


def test_never_repeats_the_assertion_that_a_server_echoes(
    source: PrivateKeyTokenSource, endpoint: Any
) -> None:
    def echo(request: Any) -> Any:
        return endpoint.error(400, "invalid_request", f"odd: {request.form['client_assertion']}")

    endpoint.token = lambda **_: echo(endpoint.requests[-1])
    with pytest.raises(TokenError) as error:
        source.get("https://api.example", SCOPES)
    assert str(error.value) == "invalid_request: odd: ***"


class LosesTheFirstAnswer(HTTPAdapter):
    """Sends every request, and loses the connection before the first answer."""

    lost = False

    def send(self, *args: Any, **options: Any) -> requests.Response:
        """Send the request."""
        response = super().send(*args, **options)
        if self.lost:
            return response
        self.lost = True
        raise requests.ConnectionError


def test_after_a_lost_answer_the_next_try_has_an_assertion_of_its_own(
    source: PrivateKeyTokenSource, endpoint: Any
) -> None:
    source.session.mount("http://", LosesTheFirstAnswer())
    source.retries = 1
    assert source.get("https://api.example", SCOPES).value
    assert len(set(assertion_ids(endpoint))) == len(endpoint.requests) == 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_each_try_has_an_assertion_of_its_own(
    source: PrivateKeyTokenSource, endpoint: Any, status: int
) -> None:
    """A server that answers so may have seen the assertion, and would refuse it as replayed."""
    source.retries = 2
    endpoint.answers = [endpoint.error(status, "temporarily_unavailable") for _ in range(2)]
    slept: list[float] = []
    source.sleep = slept.append
    assert source.get("https://api.example", SCOPES).value
    assert (len(set(assertion_ids(endpoint))), slept) == (3, [0.0, 1.0])


def test_the_job_runs_with_a_key_and_without_retries_the_next_run_goes_on(
    environ: dict[str, str], endpoint: Any, key_file: Path
) -> None:
    changed = {"CLIENT_SECRET_FILE": "", "CLIENT_KEY_FILE": str(key_file), "HTTP_RETRIES": "0"}
    service = build(Settings.from_environ(environ | changed))
    (service.settings.inbox / "a.csv").write_text(
        "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"
    )
    endpoint.answers = [endpoint.error(503, "temporarily_unavailable")]
    states = []
    for _ in range(2):
        service.runner.start("web")
        for thread in threading.enumerate():
            if thread.name == "run":
                thread.join(10)
        run = service.history.recent()[0]
        states.append((run.state, run.report.booked, endpoint.calls))
    stored = service.history.find(run.id)
    service.close()
    assert states == [("failed", 0, 1), ("completed", 1, 2)]
    assert stored
    assert stored.exchanges[0]["request"]["body"].endswith(f".{CUT}")
    assert endpoint.requests[-1].form["client_assertion"] not in str(stored)
