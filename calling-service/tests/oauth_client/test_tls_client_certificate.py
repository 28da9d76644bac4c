"""A client with a TLS certificate: both sessions present it, and a renewed one counts at once (RFC 8705)."""

import json
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.tls_client_certificate import (
    CertificateAdapter,
    CertificateTokenSource,
    present,
)
from calling_service.oauth_client.token_source import TokenError
from calling_service.service import build
from calling_service.settings import Settings
from calling_service.settings_reader import SettingsError
from calling_service.web import build_web
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from requests.adapters import BaseAdapter

NONE = NoEncryption()
Renew = Callable[[], str]


def write_certificate(folder: Path, name: str, encryption: KeySerializationEncryption = NONE) -> str:
    """Write a self-signed certificate and its key, and return the certificate's digest."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    serial = x509.random_serial_number()
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(serial))])
    builder = x509.CertificateBuilder().subject_name(own_name).issuer_name(own_name)
    builder = builder.public_key(key.public_key()).serial_number(serial).add_extension(loopback, False)
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(x509.BasicConstraints(True, None), True).sign(key, SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    (folder / f"{name}-key.pem").write_bytes(pem)
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


class Servers:
    """An authorization server and an API at one address, which bind tokens to the client's certificate.

    A certificate is asked for, and trusted if it is in the file of the client; a real proxy has a CA.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        write_certificate(folder, "server")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "server.pem", folder / "server-key.pem")
        self.context.verify_mode = ssl.CERT_OPTIONAL
        self.forms: list[dict[str, str]] = []
        self.presented: list[str] = []
        self.aliases: Any = None
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"https://127.0.0.1:{self.http.server_port}"
        self.http.socket = self.context.wrap_socket(self.http.socket, server_side=True)

    def trust(self, name: str) -> None:
        """Trust a client's certificate from now on."""
        self.context.load_verify_locations(self.folder / f"{name}.pem")

    def answer(self, path: str, token: str, certificate: str) -> tuple[int, dict[str, Any]]:
        """Return what both servers answer."""
        if path.startswith("/.well-known/"):
            metadata = {"issuer": self.url, "token_endpoint": f"{self.url}/without-certificate"}
            return 200, metadata | ({"mtls_endpoint_aliases": self.aliases} if self.aliases else {})
        if path == "/oauth/token":
            return 200, {"access_token": certificate, "token_type": "Bearer", "expires_in": 3600}
        if path == "/without-certificate":
            return 401, {"error": "invalid_client"}
        self.presented.append(certificate)
        return (200, {}) if token == f"Bearer {certificate}" else (401, {})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        servers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                form = parse_qs(self.rfile.read(length).decode())
                if form:
                    servers.forms.append({name: value[0] for name, value in form.items()})
                peer: Any = self.connection
                digest = sha256(peer.getpeercert(binary_form=True) or b"").hexdigest()
                status, members = servers.answer(self.path, self.headers.get("Authorization", ""), digest)
                body = json.dumps(members).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the name is the method's

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(tmp_path)
    thread = Thread(target=servers.http.serve_forever, args=(0.01,))
    thread.start()
    yield servers
    servers.http.shutdown()
    servers.http.server_close()
    thread.join()


@pytest.fixture
def renew(servers: Servers, tmp_path: Path) -> Renew:
    """Return a function that gives the client another certificate, which is trusted."""

    def renewed() -> str:
        digest = write_certificate(tmp_path, "client")
        servers.trust("client")
        return digest

    return renewed


@pytest.fixture
def session(servers: Servers, tmp_path: Path, renew: Renew) -> Iterator[requests.Session]:
    renew()
    with requests.Session() as session:
        session.trust_env = False  # a bundle of the environment would count more
        session.verify = str(servers.folder / "server.pem")
        present(session, tmp_path / "client.pem", tmp_path / "client-key.pem")
        yield session


@pytest.fixture
def new_source(
    servers: Servers, session: requests.Session, tmp_path: Path, clock: Any
) -> Callable[..., CertificateTokenSource]:
    def made(**options: Any) -> CertificateTokenSource:
        settings = {"token_url": f"{servers.url}/oauth/token", "session": session, "clock": clock}
        settings |= {"secret_file": tmp_path / "client.pem"} | options
        return CertificateTokenSource(issuer=servers.url, client_id="job", **settings)

    return made


@pytest.fixture
def source(new_source: Callable[..., CertificateTokenSource]) -> CertificateTokenSource:
    return new_source()


@pytest.fixture
def api_url(servers: Servers, session: requests.Session, source: CertificateTokenSource) -> str:
    """Return the address of the API, for which the session has a token of the source."""
    session.auth = BearerAuth(source, api_url=servers.url, audience=servers.url, scopes=["read"])
    return f"{servers.url}/timesheets"


@pytest.mark.requirement("RFC 8705 2 client sends client_id")
def test_the_request_names_the_client_and_has_no_other_credential(
    servers: Servers, source: CertificateTokenSource
) -> None:
    source.get("https://api.example", ["read"])
    [form] = servers.forms
    asked = {"grant_type": "client_credentials", "audience": "https://api.example", "scope": "read"}
    assert form == asked | {"client_id": "job"}


def test_the_api_sees_the_certificate_that_the_token_is_bound_to(
    servers: Servers, session: requests.Session, api_url: str, renew: Renew
) -> None:
    digest = renew()
    assert [session.get(api_url, timeout=10).status_code for _ in range(3)] == [200] * 3
    assert servers.presented == [digest] * 3
    assert len(servers.forms) == 1


def test_a_renewed_certificate_counts_from_the_next_request_on_with_a_token_of_its_own(
    servers: Servers, session: requests.Session, api_url: str, renew: Renew
) -> None:
    first = renew()
    assert session.get(api_url, timeout=10).status_code == 200
    second = renew()
    assert session.get(api_url, timeout=10).status_code == 200
    assert servers.presented == [first, second]
    assert len(servers.forms) == 2


def test_a_token_of_the_certificate_before_is_refused_once_and_replaced(
    servers: Servers,
    session: requests.Session,
    new_source: Callable[..., CertificateTokenSource],
    renew: Renew,
    clock: Any,
) -> None:
    """As when the certificate changes between the token and the request."""
    source = new_source(secret_file=servers.folder / "server.pem")  # which does not change
    session.auth = BearerAuth(source, api_url=servers.url, audience=servers.url, scopes=["read"])
    first = renew()
    assert session.get(servers.url, timeout=10).status_code == 200
    clock.now += 60
    second = renew()
    assert session.get(servers.url, timeout=10).status_code == 200
    assert servers.presented == [first, second, second]
    assert len(servers.forms) == 2


def test_a_file_that_is_missing_sends_nothing(
    servers: Servers, session: requests.Session, source: CertificateTokenSource, tmp_path: Path
) -> None:
    (tmp_path / "client-key.pem").unlink()
    with pytest.raises(TokenError) as error:
        source.get("https://api.example", ["read"])
    assert error.value.error == "unreachable"
    with pytest.raises(requests.ConnectionError, match="no client certificate"):
        session.get(servers.url, timeout=10)
    assert servers.forms == []


def test_a_key_of_another_certificate_sends_nothing(
    servers: Servers, source: CertificateTokenSource, tmp_path: Path
) -> None:
    write_certificate(tmp_path, "other")
    (tmp_path / "other-key.pem").replace(tmp_path / "client-key.pem")
    with pytest.raises(TokenError) as error:
        source.get("https://api.example", ["read"])
    assert error.value.error == "unreachable"
    assert servers.forms == []


@pytest.mark.requirement("RFC 8705 5 aliases")
@pytest.mark.parametrize("aliases", [None, [], {}, {"token_endpoint": None}, {"revocation_endpoint": "x"}])
def test_without_an_alias_the_endpoint_is_that_of_every_client(
    servers: Servers, new_source: Callable[..., CertificateTokenSource], aliases: Any
) -> None:
    servers.aliases = aliases
    with pytest.raises(TokenError, match="invalid_client"):
        new_source(token_url=None).get("https://api.example", ["read"])


@pytest.mark.requirement("RFC 8705 5 aliases")
def test_the_metadata_names_the_endpoint_for_clients_with_a_certificate(
    servers: Servers, new_source: Callable[..., CertificateTokenSource]
) -> None:
    """RFC 8705 5."""
    servers.aliases = {"token_endpoint": f"{servers.url}/oauth/token"}
    assert new_source(token_url=None).get("https://api.example", ["read"]).value
    with pytest.raises(TokenError, match="invalid_client"):
        new_source(token_url=None, mtls=False).get("https://api.example", ["read"])


def test_closing_the_session_closes_its_connections(session: requests.Session, api_url: str) -> None:
    session.get(api_url, timeout=10)
    session.close()
    assert session.get(api_url, timeout=10).status_code == 200  # over another connection


@pytest.fixture
def job_environ(environ: dict[str, str], servers: Servers, tmp_path: Path, renew: Renew) -> dict[str, str]:
    """Return the environment of a job with a certificate."""
    renew()
    del environ["CLIENT_SECRET_FILE"]
    files = {"CLIENT_CERTIFICATE_FILE": "client.pem", "CLIENT_CERTIFICATE_KEY_FILE": "client-key.pem"}
    urls = {"ISSUER": servers.url, "TOKEN_URL": f"{servers.url}/oauth/token", "API_URL": servers.url}
    paths = {name: str(tmp_path / file) for name, file in files.items()}
    return environ | urls | paths | {"CA_FILE": str(tmp_path / "server.pem")}


@pytest.mark.parametrize("dpop", ["0", "1"])
def test_the_job_presents_it_to_both_services(
    job_environ: dict[str, str], servers: Servers, tmp_path: Path, dpop: str
) -> None:
    service = build(Settings.from_environ(job_environ | {"DPOP": dpop}))
    digest = sha256(ssl.PEM_cert_to_DER_cert((tmp_path / "client.pem").read_text())).hexdigest()
    if dpop == "1":
        with pytest.raises(TokenError, match="not DPoP"):
            service.tokens.get(servers.url, ["read"])
    else:
        assert service.tokens.get(servers.url, ["read"]).value == digest
    service.close()


def test_the_page_presents_it_too(job_environ: dict[str, str], servers: Servers, tmp_path: Path) -> None:
    service = build_web(Settings.from_environ(job_environ | {"EXPLAIN": "1"}))
    digest = sha256(ssl.PEM_cert_to_DER_cert((tmp_path / "client.pem").read_text())).hexdigest()
    assert service.explorer
    assert service.explorer.tokens.get(servers.url, ["read:timesheets"]).value == digest
    service.close()


KEY_ALONE = "is not set, but CLIENT_CERTIFICATE_KEY_FILE is; set both or neither"
NO_PAIR = (
    "and the key in CLIENT_CERTIFICATE_KEY_FILE do not belong together, or are no PEM without a password; "
    "name the files of one certificate"
)


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as error:
        Settings.from_environ(environ)
    return list(error.value.problems)


def test_a_start_says_which_of_the_two_files_is_missing(job_environ: dict[str, str]) -> None:
    alone = job_environ | {"CLIENT_CERTIFICATE_FILE": "", "CLIENT_SECRET_FILE": job_environ["CA_FILE"]}
    assert problems(alone) == [f"CLIENT_CERTIFICATE_FILE: {KEY_ALONE}"]
    assert "CLIENT_CERTIFICATE_KEY_FILE: is not set; set it to the file that holds" in "".join(
        problems(job_environ | {"CLIENT_CERTIFICATE_KEY_FILE": ""})
    )


@pytest.mark.parametrize("wrong", ["another key", "a key with a password", "no key"])
def test_a_start_says_that_the_files_do_not_fit(
    job_environ: dict[str, str], tmp_path: Path, wrong: str
) -> None:
    if wrong == "a key with a password":
        write_certificate(tmp_path, "client", BestAvailableEncryption(b"password"))
    elif wrong == "another key":
        write_certificate(tmp_path, "other")
        (tmp_path / "other-key.pem").replace(tmp_path / "client-key.pem")
    else:
        (tmp_path / "client-key.pem").write_text("no key\n")
    file = job_environ["CLIENT_CERTIFICATE_FILE"]
    assert problems(job_environ) == [f"CLIENT_CERTIFICATE_FILE: {file} {NO_PAIR}"]


def test_a_certificate_beside_a_secret_is_one_credential_too_many(
    job_environ: dict[str, str], tmp_path: Path
) -> None:
    both = job_environ | {"CLIENT_SECRET_FILE": str(tmp_path / "client.pem")}
    assert problems(both) == ["CLIENT_CERTIFICATE_FILE: is set beside CLIENT_SECRET_FILE; unset one of them"]


def test_the_error_of_a_missing_certificate_file_has_its_request(
    servers: Servers, session: requests.Session, tmp_path: Path
) -> None:
    (tmp_path / "client.pem").unlink()
    with pytest.raises(requests.ConnectionError) as error:
        session.get(servers.url, timeout=10)
    assert error.value.request
    assert error.value.request.url == f"{servers.url}/"


def test_a_source_whose_certificate_file_is_missing_names_it(
    source: CertificateTokenSource, tmp_path: Path
) -> None:
    (tmp_path / "client.pem").unlink()
    with pytest.raises(TokenError) as error:
        source.get("https://api.example", ["read"])
    assert error.value.error == "no_credential"
    assert str(tmp_path / "client.pem") in error.value.description


class Counting(BaseAdapter):
    """Answers each request, and counts how often its connections are closed."""

    closed = 0

    def send(self, _request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        """Answer."""
        return requests.Response()

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_connections_are_kept_as_long_as_the_certificate_is_the_same(renew: Renew, tmp_path: Path) -> None:
    renew()
    connections = Counting()
    adapter = CertificateAdapter(connections, (tmp_path / "client.pem", tmp_path / "client-key.pem"))
    request = requests.Request("GET", "https://api.example").prepare()
    closed = []
    for _ in range(3):
        adapter.send(request)
        closed.append(connections.closed)
    assert closed == [1, 1, 1]
