"""Keys come from the declared address alone, with its CA and its bearer token, by a deadline."""

import datetime
import ipaddress
import json
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from auth_server.algorithms import generate_key
from auth_server.clients.federated_subjects import KeyPlace
from auth_server.federation.issuer_keys import KeysUnavailableError
from auth_server.federation.key_endpoint import _get, fetch_json
from auth_server.federation.key_places import KeyPlaces
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

JWK = generate_key("ES256").as_dict(private=False)


def place(**members: str) -> KeyPlace:
    return KeyPlace(**({"jwks_uri": None, "jwks_file": None, "ca_file": None, "bearer_file": None} | members))


def any_key(_: Any) -> bool:
    return True


def test_fetches_from_the_declared_address(endpoint: Any, tmp_path: Path) -> None:
    endpoint_with_query = endpoint.url + "?v=1"
    endpoint.body = json.dumps({"keys": [JWK]}).encode()
    (key,) = KeyPlaces(tmp_path).find(place(jwks_uri=endpoint_with_query), any_key)
    assert key.public.as_dict(private=False)["x"] == JWK["x"]
    assert endpoint.asked == [("/openid/v1/jwks?v=1", None)]


def test_places_that_are_equal_share_their_keys(endpoint: Any, tmp_path: Path) -> None:
    places = KeyPlaces(tmp_path)
    for _ in range(3):
        places.find(place(jwks_uri=endpoint.url), any_key)
    assert len(endpoint.asked) == 1


BAD: dict[str, tuple[Callable[[Any], None], str]] = {
    "error": (lambda e: setattr(e, "status", 500), "HTTP status 500"),
    "unauthorized": (lambda e: setattr(e, "status", 401), "HTTP status 401"),
    "redirect": (
        lambda e: e.__dict__.update(status=302, headers={"Location": "http://127.0.0.1/"}),
        "HTTP status 302",
    ),
    "no JSON": (lambda e: setattr(e, "body", b"<html>"), "JSONDecodeError"),
    "nested deeply": (lambda e: setattr(e, "body", b"[" * 100000), "RecursionError"),
    "endless": (lambda e: setattr(e, "body", b" " * 300000), "more than 262144 bytes"),
}


@pytest.mark.kinds_of_failures(
    "platform-token", {"key-address: a redirect": "HTTP status 302; it is not followed."}
)
@pytest.mark.parametrize("case", BAD)
def test_names_the_address_in_what_goes_wrong(endpoint: Any, case: str) -> None:
    change, problem = BAD[case]
    change(endpoint)
    with pytest.raises(OSError, match=problem) as raised:
        fetch_json(endpoint.url, None, None)
    assert str(raised.value).startswith(f"{endpoint.url}: ")


def test_refuses_what_is_no_key_set(endpoint: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    endpoint.body = b'{"keys": []}'
    with pytest.raises(KeysUnavailableError):
        KeyPlaces(tmp_path).find(place(jwks_uri=endpoint.url), any_key)
    (record,) = caplog.records
    assert record.reason.startswith(f"{endpoint.url} has no key for RS256")  # type: ignore[attr-defined]


def test_takes_the_keys_of_a_spiffe_bundle(endpoint: Any, tmp_path: Path) -> None:
    """Its members for JWT-SVIDs have a use of their own, and those for X.509-SVIDs may be of any curve."""
    svid = JWK | {"use": "jwt-svid", "kid": "a"}
    x509_svid = {"use": "x509-svid", "kty": "EC", "crv": "P-384", "x": "", "y": "", "x5c": [""]}
    endpoint.body = json.dumps({"keys": [x509_svid, svid], "spiffe_sequence": 1}).encode()
    (key,) = KeyPlaces(tmp_path).find(place(jwks_uri=endpoint.url), any_key)
    assert key.kid == "a"


def test_ends_by_a_deadline_even_if_the_bytes_keep_coming(endpoint: Any) -> None:
    endpoint.pause = 0.05
    began = time.monotonic()
    with pytest.raises(OSError, match=endpoint.url):
        fetch_json(endpoint.url, None, None, timeout=0.2)
    assert time.monotonic() - began < 2


def test_sends_nothing_if_the_deadline_ends_before_it_is_connected(endpoint: Any) -> None:
    """An address that does not answer, before one that does, takes all of the time."""
    connection = HTTPConnection("127.0.0.1", endpoint.server_port, timeout=5)
    with closing(connection), pytest.raises(TimeoutError, match="not connected in 0 s"):
        _get(connection, "/", {}, timeout=0)
    assert endpoint.asked == []


def test_quotes_little_of_an_answer_that_is_not_http(endpoint: Any) -> None:
    endpoint.status = 10**4000
    with pytest.raises(OSError, match="BadStatusLine") as raised:
        fetch_json(endpoint.url, None, None)
    assert len(str(raised.value)) < 300


def test_reports_an_address_where_nothing_answers() -> None:
    with pytest.raises(OSError, match=r"http://127\.0\.0\.1:9/: ConnectionRefusedError"):
        fetch_json("http://127.0.0.1:9/", None, None)


@pytest.fixture
def tls_endpoint(endpoint: Any, tmp_path: Path) -> Any:
    """Serve with a certificate of its own, as a cluster's API server does."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(pem)
    (tmp_path / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.crt", tmp_path / "key.pem")
    endpoint.socket = context.wrap_socket(endpoint.socket, server_side=True)
    endpoint.scheme = "https"
    return endpoint


def test_trusts_the_declared_ca_and_no_other(tls_endpoint: Any, tmp_path: Path) -> None:
    assert KeyPlaces(tmp_path).find(place(jwks_uri=tls_endpoint.url, ca_file="ca.crt"), any_key)
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch_json(tls_endpoint.url, None, None)


def test_sends_the_bearer_token_as_it_is_now(tls_endpoint: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    for content in ("eyJ.one\n", "eyJ.two"):
        token.write_text(content)
        fetch_json(tls_endpoint.url, tmp_path / "ca.crt", token)
    assert [sent for _, sent in tls_endpoint.asked] == ["Bearer eyJ.one", "Bearer eyJ.two"]


@pytest.mark.parametrize("content", [b"", b"two\nlines", b"\xff"])
def test_sends_no_bearer_that_is_no_token(tmp_path: Path, content: bytes) -> None:
    token = tmp_path / "token"
    token.write_bytes(content)
    with pytest.raises(OSError, match="does not hold a token in one line"):
        fetch_json("https://127.0.0.1:9/", None, token)


def test_takes_files_by_their_absolute_path_too(tls_endpoint: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("eyJ.one")
    where = place(
        jwks_uri=tls_endpoint.url, ca_file=str(tmp_path / "ca.crt"), bearer_file=str(tmp_path / "token")
    )
    assert KeyPlaces(Path("/nowhere")).find(where, any_key)


def test_reads_a_key_file_again_each_time(tmp_path: Path) -> None:
    places = KeyPlaces(tmp_path)
    for kid in ("one", "two"):
        (tmp_path / "platform.jwks").write_text(json.dumps({"keys": [JWK | {"kid": kid}]}))
        (key,) = places.find(place(jwks_file="platform.jwks"), any_key)
        assert key.kid == kid
    assert places.find(place(jwks_file="platform.jwks"), lambda _: False) == []
