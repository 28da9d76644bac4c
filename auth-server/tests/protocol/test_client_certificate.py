"""Mutual TLS (RFC 8705): clients that authenticate with a certificate, and tokens that are bound to one."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.protocol.client_certificate import client_certificates
from auth_server.settings_reader import SettingsError
from auth_server.startup import Service, open_service
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwk
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode
from werkzeug.test import TestResponse

Start = Callable[[dict[str, str]], Service]
LogLines = Callable[[], list[dict[str, Any]]]
PROXY = "10.0.0.2"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
CLIENTS = """
  - {client_id: dns, name: D, tls_client_auth: {san_dns: Job.example}}
  - {client_id: uri, name: U, tls_client_auth: {san_uri: "spiffe://example.org/job"}}
  - {client_id: own, name: O, self_signed_tls_client_auth: {jwks_file: own.jwks}}
  - {client_id: dns-off, name: Was, enabled: false, tls_client_auth: {san_dns: job.example}}
  - client_id: both
    name: B
    secret_digest_files: [job.sha256]
    tls_client_certificate_bound_access_tokens: true
"""
GRANTS = "".join(
    f'  - {{client: {client}, audience: "https://rs.example", scopes: [read]}}\n'
    for client in ("dns", "uri", "own", "dns-off", "both")
)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A CA; `sign` changes what it is told to."""

    def __init__(self, subject: str = "CA") -> None:
        self.name = name(subject)
        self.key = ec.generate_private_key(ec.SECP256R1())
        usage = dict.fromkeys(("key_encipherment", "data_encipherment", "key_agreement"), False)
        usage |= dict.fromkeys(("content_commitment", "encipher_only", "decipher_only"), False)
        signs = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage)
        own = self._builder(self.name, self.key.public_key(), -DAY, DAY)
        own = own.add_extension(x509.BasicConstraints(True, None), True).add_extension(signs, True)
        self.certificate = own.sign(self.key, SHA256())

    def _builder(self, subject: x509.Name, key: Any, start: timedelta, end: timedelta) -> Any:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(NOW + start).not_valid_after(NOW + end)

    def sign(
        self,
        *names: x509.GeneralName,
        start: timedelta = -DAY,
        end: timedelta = DAY,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH,
        subject: str = "job",
    ) -> bytes:
        """Return a certificate for a new key, in DER."""
        builder = self._builder(
            name(subject), ec.generate_private_key(ec.SECP256R1()).public_key(), start, end
        )
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, False).add_extension(x509.ExtendedKeyUsage([usage]), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        signed: x509.Certificate = builder.sign(self.key, SHA256())
        return signed.public_bytes(Encoding.DER)


def self_signed(key: Any, start: timedelta = -DAY, end: timedelta = DAY) -> bytes:
    """Return a certificate that the key has signed for itself, in DER."""
    builder = x509.CertificateBuilder().subject_name(name("own")).issuer_name(name("own"))
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(NOW + start).not_valid_after(NOW + end)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


CA = Authority()
STRANGER = Authority()  # of the same name
DNS = x509.DNSName("job.example")
URI = x509.UniformResourceIdentifier("spiffe://example.org/job")
OWN_KEYS = (ec.generate_private_key(ec.SECP384R1()), ed25519.Ed25519PrivateKey.generate())
GOOD = {"dns": CA.sign(DNS), "uri": CA.sign(URI), "own": self_signed(OWN_KEYS[0])}
EXPIRED_OWN = self_signed(OWN_KEYS[0], -2 * DAY, -DAY)
FUTURE_OWN = self_signed(OWN_KEYS[0], DAY, 2 * DAY)


def registered(certificate: bytes, key: Any = OWN_KEYS[0]) -> dict[str, Any]:
    """Return the key of a certificate as a JWK with x5c (RFC 7517 4.7)."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    members = jwk.import_key(pem, "OKP" if isinstance(key, ed25519.Ed25519PrivateKey) else "EC").as_dict()
    return {**members, "x5c": [base64.b64encode(certificate).decode()]}


def sf_binary(data: bytes) -> str:
    return f":{base64.b64encode(data).decode()}:"


@pytest.fixture
def with_certificates(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the environment of a server with mutual TLS, and clients that have certificates."""
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("\ngrants:\n", f"{CLIENTS}\ngrants:\n{GRANTS}", 1))
    (tmp_path / "ca.pem").write_bytes(CA.certificate.public_bytes(Encoding.PEM))
    own = [registered(GOOD["own"]), registered(EXPIRED_OWN), registered(FUTURE_OWN)]
    another = self_signed(OWN_KEYS[1])
    keys = [*own, registered(another, OWN_KEYS[1]), {"kty": "oct-less"}]
    (tmp_path / "own.jwks").write_text(json.dumps({"keys": keys}))
    more = {"MTLS": "1", "TRUSTED_PROXIES": PROXY, "MTLS_CA_FILE": str(tmp_path / "ca.pem")}
    return environ | more


@pytest.fixture
def service(with_certificates: dict[str, str], start: Start) -> Service:
    return start(with_certificates)


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return create_app(service, certificates=client_certificates).test_client()


def ask(
    client: FlaskClient,
    client_id: str,
    certificate: bytes | str = b"",
    *,
    address: str = PROXY,
    path: str = "/oauth/token",
    **parameters: Any,
) -> TestResponse:
    """Send a token request with a certificate alone, except for what the test adds."""
    header = sf_binary(certificate) if isinstance(certificate, bytes) else certificate
    auth = parameters.pop("auth", None)
    form = {"grant_type": "client_credentials"} | parameters
    if not auth:
        form["client_id"] = client_id
    headers = {"Client-Cert": header} if header else {}
    origin = {"REMOTE_ADDR": address}
    return client.post(path, data=form, auth=auth, headers=headers, environ_base=origin)


def claims_of(response: TestResponse) -> dict[str, Any]:
    payload = response.get_json()["access_token"].split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload.encode()))
    return claims


def thumbprint(certificate: bytes) -> str:
    return urlsafe_b64encode(sha256(certificate).digest()).decode()


def assert_not_authenticated(response: TestResponse) -> None:
    """Check status, body and headers: the same for every reason."""
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }
    challenge = 'Basic realm="https://issuer.example", charset="UTF-8"'
    assert response.headers["WWW-Authenticate"] == challenge
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.requirement("RFC 8705 3 bind", "RFC 8705 3.1 x5t#S256")
@pytest.mark.parametrize("client_id", GOOD)
def test_authenticates_by_the_certificate_and_binds_the_token_to_it(
    client: FlaskClient, log_lines: LogLines, client_id: str
) -> None:
    """RFC 8705 2.1, 2.2 and 3.1."""
    certificate = GOOD[client_id]
    response = ask(client, client_id, certificate)
    assert response.status_code == 200
    assert response.get_json()["token_type"] == "Bearer"
    claims = claims_of(response)
    assert (claims["client_id"], claims["cnf"]) == (client_id, {"x5t#S256": thumbprint(certificate)})
    [issued] = [line for line in log_lines() if line["message"] == "token issued"]
    assert issued["x5t#S256"] == thumbprint(certificate)


@pytest.mark.parametrize("names", [[URI, DNS], [x509.DNSName("JOB.EXAMPLE")], [x509.DNSName("a.b"), DNS]])
def test_one_of_several_names_is_enough_and_the_case_of_a_dns_name_does_not_matter(
    client: FlaskClient, names: list[x509.GeneralName]
) -> None:
    """RFC 8705 2.1.2, RFC 4343."""
    assert ask(client, "dns", CA.sign(*names)).status_code == 200


def test_a_renewed_certificate_needs_no_change_here(client: FlaskClient) -> None:
    """The name is registered, and not the certificate. Each token is bound to that of its request."""
    tokens = [claims_of(ask(client, "dns", CA.sign(DNS)))["cnf"]["x5t#S256"] for _ in range(2)]
    assert tokens[0] != tokens[1]


NO_NAME = "the certificate does not have the name DNS:job.example"
NOBODY = "no CA of MTLS_CA_FILE vouches for a name in the certificate"
OLD = "an expired certificate, or one that is not valid yet"
REFUSED: dict[str, tuple[str, bytes, str]] = {
    "expired": ("dns", CA.sign(DNS, start=-2 * DAY, end=-DAY), OLD),
    "not valid yet": ("dns", CA.sign(DNS, start=DAY, end=2 * DAY), OLD),
    "of another CA of the same name": ("dns", STRANGER.sign(DNS), NOBODY),
    "signed by itself": ("dns", self_signed(OWN_KEYS[0]), NOBODY),
    "the CA's own": ("dns", CA.certificate.public_bytes(Encoding.DER), NOBODY),
    "for servers": ("dns", CA.sign(DNS, usage=ExtendedKeyUsageOID.SERVER_AUTH), NOBODY),
    "without names": ("dns", CA.sign(subject="job.example"), NOBODY),
    "of another name": ("dns", CA.sign(x509.DNSName("report.example")), NO_NAME),
    "of a name below": ("dns", CA.sign(x509.DNSName("a.job.example")), NO_NAME),
    "wildcard": ("dns", CA.sign(x509.DNSName("*.example")), NO_NAME),
    "the name as an email address": ("dns", CA.sign(x509.RFC822Name("a@job.example")), NOBODY),
    "the name as a URI": ("dns", CA.sign(x509.UniformResourceIdentifier("job.example")), NO_NAME),
    "the name as the subject": (
        "dns",
        CA.sign(x509.DNSName("report.example"), subject="job.example"),
        NO_NAME,
    ),
    "the URI in capitals": (
        "uri",
        CA.sign(x509.UniformResourceIdentifier("spiffe://example.org/JOB")),
        "the certificate does not have the name URI:spiffe://example.org/job",
    ),
    "of another client": (
        "uri",
        GOOD["dns"],
        "the certificate does not have the name URI:spiffe://example.org/job",
    ),
    "not registered": ("own", self_signed(OWN_KEYS[0]), "a certificate that is not registered"),
    "of a CA, not registered": ("own", GOOD["dns"], "a certificate that is not registered"),
    "registered and expired": ("own", EXPIRED_OWN, OLD),
    "registered and not valid yet": ("own", FUTURE_OWN, OLD),
    "of a disabled client": ("dns-off", GOOD["dns"], "disabled client"),
    "of an unknown client": ("nobody", GOOD["dns"], "unknown client"),
    "of a client with a secret": (
        "job",
        GOOD["dns"],
        "a certificate, but the client is registered without one",
    ),
    "of a client with a key": ("bot", GOOD["dns"], "a certificate, but the client is registered without one"),
    "no certificate": ("dns", b"not DER", "a certificate that cannot be read"),
    "a version that X.509 does not have": (
        "dns",
        GOOD["dns"].replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03", 1),
        "a certificate that cannot be read",
    ),
    "half a certificate": ("dns", GOOD["dns"][:200], "a certificate that cannot be read"),
}


@pytest.mark.requirement(
    "RFC 8705 2 binding", "RFC 8705 2.1 chain", "RFC 8705 2.1.2 match", "RFC 8705 2.2 registered"
)
@pytest.mark.parametrize(("client_id", "certificate", "reason"), REFUSED.values(), ids=REFUSED)
def test_refuses_a_certificate(
    client: FlaskClient, log_lines: LogLines, client_id: str, certificate: bytes, reason: str
) -> None:
    assert_not_authenticated(ask(client, client_id, certificate))
    [refused] = [line for line in log_lines() if line["message"] == "token refused"]
    assert (refused["error"], refused["reason"]) == ("invalid_client", reason)


HEADERS = {
    "no header": "",
    "Caddy's template without a certificate": "::",
    "the base64 alone": base64.b64encode(GOOD["dns"]).decode(),
    "two headers, joined": f"{sf_binary(GOOD['dns'])}, {sf_binary(GOOD['dns'])}",
    "a parameter": f"{sf_binary(GOOD['dns'])};a=1",
    "escaped PEM, as nginx writes it": "-----BEGIN%20CERTIFICATE-----%0A",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_that_is_no_sf_binary_is_no_certificate(client: FlaskClient, header: str) -> None:
    """RFC 9440 2.2."""
    assert_not_authenticated(ask(client, "dns", header))


@pytest.mark.requirement("RFC 8705 6.5 passed on")
@pytest.mark.parametrize("address", ["10.0.0.3", "127.0.0.1", ""])
def test_drops_the_header_of_anybody_but_a_trusted_proxy(
    client: FlaskClient, log_lines: LogLines, address: str
) -> None:
    """RFC 9440 4: a certificate is public, so whoever has seen it could send it."""
    assert_not_authenticated(ask(client, "dns", GOOD["dns"], address=address))
    assert [line["reason"] for line in log_lines() if line["message"] == "token refused"] == ["no credential"]


@pytest.mark.requirement("RFC 8705 2 client_id")
def test_the_request_must_name_the_client(client: FlaskClient) -> None:
    """RFC 8705 2."""
    assert_not_authenticated(ask(client, "", GOOD["dns"]))


@pytest.mark.requirement("RFC 8705 3.2 introspection")
def test_a_client_with_a_certificate_may_introspect_and_revoke_its_tokens(client: FlaskClient) -> None:
    token = ask(client, "uri", GOOD["uri"]).get_json()["access_token"]
    told = ask(client, "uri", GOOD["uri"], path="/oauth/introspect", token=token).get_json()
    assert (told["active"], told["cnf"]) == (True, {"x5t#S256": thumbprint(GOOD["uri"])})
    assert told["token_type"] == "Bearer"
    assert_not_authenticated(ask(client, "uri", path="/oauth/introspect", token=token))
    assert ask(client, "uri", GOOD["uri"], path="/oauth/revoke", token=token).status_code == 200
    told = ask(client, "uri", GOOD["uri"], path="/oauth/introspect", token=token).get_json()
    assert told == {"active": False}


@pytest.mark.requirement("RFC 8705 3.4 client metadata")
def test_a_client_with_a_secret_may_have_its_tokens_bound_to_a_certificate(client: FlaskClient) -> None:
    """RFC 8705 3.4: any certificate will do, since it does not authenticate the client."""
    secret = ("both", "job-secret")
    response = ask(client, "both", GOOD["own"], auth=secret)
    assert claims_of(response)["cnf"] == {"x5t#S256": thumbprint(GOOD["own"])}
    response = ask(client, "both", auth=secret)
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_request",
        "error_description": "This client must present a certificate.",
    }
    assert_not_authenticated(ask(client, "both", GOOD["own"]))


def test_a_client_with_a_secret_gets_a_bearer_token_whatever_its_certificate(client: FlaskClient) -> None:
    for certificate in (GOOD["dns"], b"", "garbage"):
        response = ask(client, "job", certificate, auth=("job", "job-secret"))
        assert response.status_code == 200
        assert "cnf" not in claims_of(response)


def test_a_wrong_secret_is_refused_whatever_the_certificate(client: FlaskClient) -> None:
    assert_not_authenticated(ask(client, "dns", GOOD["dns"], client_secret="dns"))
    assert_not_authenticated(ask(client, "dns", GOOD["dns"], auth=("dns", "secret")))


def test_self_signed_certificates_need_no_ca(
    with_certificates: dict[str, str], start: Start, tmp_path: Path
) -> None:
    tenant = tmp_path / "tenant.yaml"
    of_a_ca = ("client_id: dns", "client_id: uri", "client: dns", "client: uri")
    lines = tenant.read_text().splitlines()
    tenant.write_text("\n".join(line for line in lines if not any(name in line for name in of_a_ca)))
    service = start(with_certificates | {"MTLS_CA_FILE": ""})
    client = create_app(service, certificates=client_certificates).test_client()
    assert ask(client, "own", GOOD["own"]).status_code == 200
    assert_not_authenticated(ask(client, "own", GOOD["dns"]))


def test_failures_count_as_those_of_secrets(with_certificates: dict[str, str], start: Start) -> None:
    service = start(with_certificates | {"FAILED_LOGINS_PER_MINUTE": "1"})
    client = create_app(service, certificates=client_certificates).test_client()
    statuses = [ask(client, "dns", STRANGER.sign(DNS)).status_code for _ in range(3)]
    assert statuses == [401, 429, 429]
    assert ask(client, "dns", GOOD["dns"]).status_code == 200


@pytest.mark.requirement("RFC 8705 3.3 metadata")
@pytest.mark.parametrize(("changes", "both"), [({}, True), ({"MTLS_CA_FILE": ""}, False)])
def test_metadata_says_what_is_served(
    environ: dict[str, str], start: Start, tmp_path: Path, changes: dict[str, str], both: bool
) -> None:
    """RFC 8705 2.1.1, 2.2.1, 3.3, 5."""
    (tmp_path / "ca.pem").write_bytes(CA.certificate.public_bytes(Encoding.PEM))
    more = {"MTLS": "1", "TRUSTED_PROXIES": PROXY, "MTLS_CA_FILE": str(tmp_path / "ca.pem")}
    more |= {"MTLS_URL": "https://mtls.issuer.example/"} | changes
    app = create_app(start(environ | more), certificates=client_certificates)
    metadata = app.test_client().get("/.well-known/oauth-authorization-server").get_json()
    for endpoint in ("token", "introspection", "revocation"):
        methods = metadata[f"{endpoint}_endpoint_auth_methods_supported"]
        assert ("tls_client_auth" in methods) is both
        assert methods[-1] == "self_signed_tls_client_auth"
    assert metadata["tls_client_certificate_bound_access_tokens"] is True
    assert metadata["mtls_endpoint_aliases"] == {
        "token_endpoint": "https://mtls.issuer.example/oauth/token",
        "introspection_endpoint": "https://mtls.issuer.example/oauth/introspect",
        "revocation_endpoint": "https://mtls.issuer.example/oauth/revoke",
    }


def test_without_the_setting_the_header_plays_no_part(environ: dict[str, str], start: Start) -> None:
    client = create_app(start(environ | {"TRUSTED_PROXIES": PROXY})).test_client()
    response = ask(client, "job", GOOD["dns"], auth=("job", "job-secret"))
    assert "cnf" not in claims_of(response)
    assert_not_authenticated(ask(client, "job", GOOD["dns"]))
    metadata = client.get("/.well-known/oauth-authorization-server").get_json()
    assert not [name for name in metadata if "tls" in name]
    assert "tls_client_auth" not in metadata["token_endpoint_auth_methods_supported"]


def test_a_start_names_every_setting_that_is_missing(with_certificates: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as error:
        open_service(with_certificates | {"MTLS": "1", "TRUSTED_PROXIES": "", "MTLS_URL": "http://a"})
    assert list(error.value.problems) == [
        "MTLS_URL: is not an https URL without a query; correct it",
        "TRUSTED_PROXIES: is not set, but MTLS is; set it to the proxy that ends TLS",
    ]


def test_a_tenant_with_certificates_needs_the_settings(with_certificates: dict[str, str]) -> None:
    service = open_service(with_certificates | {"MTLS": "0", "MTLS_CA_FILE": ""})
    service.engine.dispose()
    needs_ca = "has tls_client_auth; set it to the CA of its certificate"
    assert service.tenant_problems == [
        "MTLS: dns has tls_client_auth; set MTLS to 1",
        f"MTLS_CA_FILE: dns {needs_ca}",
        "MTLS: uri has tls_client_auth; set MTLS to 1",
        f"MTLS_CA_FILE: uri {needs_ca}",
        "MTLS: own has self_signed_tls_client_auth; set MTLS to 1",
        "MTLS: dns-off has tls_client_auth; set MTLS to 1",
        f"MTLS_CA_FILE: dns-off {needs_ca}",
        "MTLS: both has tls_client_certificate_bound_access_tokens; set MTLS to 1",
    ]


@pytest.mark.parametrize("content", [None, "no PEM"])
def test_a_start_says_that_the_ca_cannot_be_read(
    with_certificates: dict[str, str], tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    file.unlink()
    if content:
        file.write_text(content)
    with pytest.raises(SettingsError) as error:
        open_service(with_certificates)
    problem = "cannot be read as certificates in PEM; write those of CAs there"
    assert list(error.value.problems) == [f"MTLS_CA_FILE: {file} {problem}"]


OF_VERSION_8 = GOOD["own"].replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020107"), 1)
FILES: dict[str, tuple[Any, str]] = {
    "no JWK Set": ([], "is not a JWK Set"),
    "no certificate": ({"keys": []}, "has no key with an x5c"),
    "a private key": ({"keys": [{"d": "AA"}]}, "holds a private key, which only the client may have"),
    "an empty x5c": (
        {"keys": [registered(GOOD["own"]) | {"x5c": []}]},
        "has a key or a certificate that cannot be read",
    ),
    "no base64": (
        {"keys": [registered(GOOD["own"]) | {"x5c": ["-"]}]},
        "has a key or a certificate that cannot be read",
    ),
    "a version that X.509 does not have": (
        {"keys": [registered(GOOD["own"]) | {"x5c": [base64.b64encode(OF_VERSION_8).decode()]}]},
        "has a key or a certificate that cannot be read",
    ),
    "a certificate of another key": (
        {"keys": [registered(GOOD["own"], OWN_KEYS[1])]},
        "has a certificate of another key than the one beside it",
    ),
}


@pytest.mark.requirement("RFC 8705 2.2.2 x5c")
@pytest.mark.parametrize(("content", "problem"), FILES.values(), ids=FILES)
def test_a_start_says_what_is_wrong_with_a_registered_certificate(
    with_certificates: dict[str, str], tmp_path: Path, content: Any, problem: str
) -> None:
    file = tmp_path / "own.jwks"
    file.write_text(json.dumps(content))
    service = open_service(with_certificates)
    service.engine.dispose()
    assert service.tenant_problems == [f"SECRETS_DIR: {file} {problem}; put the certificate of own there"]


def test_a_certificate_file_that_cannot_be_read_any_more_refuses_its_client_alone(
    client: FlaskClient, tmp_path: Path, log_lines: LogLines
) -> None:
    (tmp_path / "own.jwks").unlink()
    assert_not_authenticated(ask(client, "own", GOOD["own"]))
    assert ask(client, "dns", GOOD["dns"]).status_code == 200
    assert "a client certificate file cannot be used" in [line["message"] for line in log_lines()]


TENANT: dict[str, tuple[str, str]] = {
    "no name": (
        "tls_client_auth: {}",
        "tls_client_auth: must be a mapping with either a san_dns or a san_uri",
    ),
    "two names": (
        'tls_client_auth: {san_dns: a, san_uri: "a:b"}',
        "tls_client_auth: must be a mapping with either a san_dns or a san_uri",
    ),
    "a wildcard": ('tls_client_auth: {san_dns: "*.example"}', "tls_client_auth.san_dns: must be a DNS name"),
    "a path": (
        "tls_client_auth: {san_uri: /job}",
        "tls_client_auth.san_uri: must be an absolute URI without a fragment",
    ),
    "a subject": ("tls_client_auth: {subject_dn: CN=a}", "tls_client_auth.subject_dn: is unknown; remove it"),
    "no file": (
        "self_signed_tls_client_auth: {}",
        "self_signed_tls_client_auth.jwks_file: is missing; it must be the name of a file in SECRETS_DIR",
    ),
    "no mapping": (
        "self_signed_tls_client_auth: own.jwks",
        "self_signed_tls_client_auth: must be a mapping",
    ),
}


@pytest.mark.requirement("RFC 8705 2.1.2 one name")
@pytest.mark.parametrize(("member", "problem"), TENANT.values(), ids=TENANT)
def test_the_tenant_file_is_checked(
    environ: dict[str, str], tmp_path: Path, member: str, problem: str
) -> None:
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(f"apis: []\ngrants: []\nclients:\n  - {{client_id: c, name: C, {member}}}\n")
    service = open_service(environ | {"MTLS": "1", "TRUSTED_PROXIES": PROXY})
    service.engine.dispose()
    assert service.tenant_problems == [f"TENANT_FILE: {tenant}: clients[0].{problem}"]


def test_the_clients_are_listed_with_their_certificates(client: FlaskClient) -> None:
    listed = client.application.test_cli_runner().invoke(args=["clients", "list", "--json"])
    certificates = {
        row["client_id"]: row["file"] for row in json.loads(listed.output) if row["kind"] == "certificate"
    }
    assert certificates == {
        "dns": "DNS:job.example",
        "dns-off": "DNS:job.example",
        "own": "own.jwks",
        "uri": "URI:spiffe://example.org/job",
    }


@pytest.mark.fuzz
@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # which a later cryptography refuses itself
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 999), st.integers(1, 255), st.sampled_from(["dns", "own"]))
def test_no_changed_certificate_is_accepted(client: FlaskClient, place: int, bits: int, who: str) -> None:
    # The signature is left alone, since it has several encodings.
    signed = x509.load_der_x509_certificate(GOOD[who]).tbs_certificate_bytes
    changed = bytearray(signed)
    changed[place % len(changed)] ^= bits
    assert_not_authenticated(ask(client, who, GOOD[who].replace(signed, bytes(changed))))


@pytest.mark.fuzz
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary())
def test_no_other_bytes_are_accepted(client: FlaskClient, certificate: bytes) -> None:
    assert_not_authenticated(ask(client, "dns", certificate))
