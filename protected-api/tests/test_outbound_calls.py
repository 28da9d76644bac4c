"""The calls to the authorization server: through a proxy only if a setting names it, and with its own CA."""

import base64
import datetime
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from protected_api.app import create_app
from protected_api.resource_server.json_over_http import call
from protected_api.settings import Settings
from werkzeug.wrappers import Request, Response

CREDENTIALS = base64.b64encode("user:p@ss:ä".encode()).decode()


@dataclass(slots=True)
class Proxy:
    """A proxy on loopback: what it was asked for, and with which credentials."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    credentials: list[str | None] = field(default_factory=list)
    refuses: bool = False


def proxy_handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _asked(self) -> bool:
            proxy.asked.append(f"{self.command} {self.path}")
            proxy.credentials.append(self.headers["Proxy-Authorization"])
            if proxy.refuses:
                self.send_error(407)
            return not proxy.refuses

        def do_CONNECT(self) -> None:
            if self._asked():
                host, _, port = self.path.partition(":")
                with socket.create_connection((host, int(port))) as server:
                    self.send_response(200)
                    self.end_headers()
                    back = threading.Thread(target=relay, args=(server, self.connection), daemon=True)
                    back.start()
                    relay(self.connection, server)
                    back.join(20)
            self.close_connection = True

        def do_GET(self) -> None:
            if self._asked():
                parts = urlsplit(self.path)
                connection = HTTPConnection(parts.netloc)
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                del self.headers["Proxy-Authorization"]
                connection.request(self.command, parts.path, body, dict(self.headers.items()))
                with connection.getresponse() as answer:
                    self.send_response(answer.status)
                    self.end_headers()
                    self.wfile.write(answer.read())
                connection.close()

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def relay(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    server = ThreadingHTTPServer(("127.0.0.1", 0), proxy_handler(proxy))
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
    yield proxy
    server.shutdown()
    server.server_close()


def certificate(
    name: str, key: Any, issuer: str, issuer_key: Any, *extensions: x509.ExtensionType
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    for extension in (*extensions, of_issuer, x509.SubjectKeyIdentifier.from_public_key(key.public_key())):
        critical = isinstance(extension, x509.BasicConstraints | x509.KeyUsage)
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, SHA256())


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """Return the certificate of a CA; beside it is server.pem: certificate and key for 127.0.0.1."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signs = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    usage = x509.KeyUsage(
        **signs,
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    ca = certificate("A private CA", ca_key, "A private CA", ca_key, constraints, usage)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    server = certificate("127.0.0.1", key, "A private CA", ca_key, address)
    file = tmp_path / "ca.pem"
    file.write_bytes(ca.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(server.public_bytes(Encoding.PEM) + pem)
    return file


@pytest.fixture
def https_issuer(issuer: Any, ca_file: Path) -> Iterator[Any]:
    """Return an issuer like `issuer` that serves TLS, with a certificate of that CA."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(ca_file.with_name("server.pem"))
    served = type(issuer)(issuer.private, tls)
    yield served
    served.close()


@pytest.fixture
def of_https(fresh_settings: Settings, https_issuer: Any, ca_file: Path) -> Settings:
    """Return the settings of an API that finds everything in the metadata of that issuer."""
    return replace(
        fresh_settings, issuer=https_issuer.url, jwks_uri=None, introspection_url=None, ca_file=str(ca_file)
    )


def statuses(settings: Settings, issuer: Any) -> list[int]:
    """Return the statuses of a read, and of a read that introspects."""
    app = create_app(settings)
    app.extensions["keys"].refresh()
    headers = {"Authorization": f"Bearer {issuer.token(scope='read:timesheets approve:timesheets')}"}
    return [
        app.test_client().get(path, headers=headers).status_code for path in ("/timesheets", "/approvals")
    ]


METADATA, KEYS, ASK = "/.well-known/oauth-authorization-server", "/jwks", "/introspect"


def test_trusts_the_certificates_of_the_file(of_https: Settings, https_issuer: Any) -> None:
    assert statuses(of_https, https_issuer) == [200, 200]
    assert https_issuer.requests == [METADATA, KEYS, METADATA, ASK]


@pytest.mark.requirement("RFC 6749 10.9 certificates", "RFC 8414 6.1 TLS")
def test_does_not_trust_a_server_of_a_ca_that_is_not_in_the_file(
    of_https: Settings, https_issuer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert statuses(replace(of_https, ca_file=None), https_issuer) == [503, 503]
    assert https_issuer.requests == []
    reasons = [str(vars(record).get("reason")) for record in caplog.records]
    assert any("CERTIFICATE_VERIFY_FAILED" in reason for reason in reasons)


@pytest.mark.requirement("RFC 6749 10.9 certificates", "RFC 8414 6.1 TLS")
def test_checks_the_name_of_the_server_too(of_https: Settings, https_issuer: Any) -> None:
    elsewhere = https_issuer.url.replace("127.0.0.1", "localhost")
    assert statuses(replace(of_https, jwks_uri=f"{elsewhere}/jwks"), https_issuer) == [503, 503]


def test_goes_to_an_https_issuer_through_a_tunnel_of_the_proxy(
    of_https: Settings, https_issuer: Any, proxy: Proxy
) -> None:
    assert statuses(replace(of_https, outbound_proxy=proxy.url), https_issuer) == [200, 200]
    assert proxy.asked == [f"CONNECT {urlsplit(https_issuer.url).netloc}"] * 4
    assert proxy.credentials == [None] * 4
    assert https_issuer.requests == [METADATA, KEYS, METADATA, ASK]


def test_goes_to_a_plain_http_issuer_through_the_proxy(
    fresh_settings: Settings, issuer: Any, proxy: Proxy
) -> None:
    settings = replace(fresh_settings, jwks_uri=None, introspection_url=None, outbound_proxy=proxy.url)
    assert statuses(settings, issuer) == [200, 200]
    calls = ("GET", METADATA), ("GET", KEYS), ("GET", METADATA), ("POST", ASK)
    assert proxy.asked == [f"{method} {issuer.url}{path}" for method, path in calls]
    [(method, form, credentials)] = issuer.introspected
    assert (method, form["token_type_hint"], credentials.type) == ("POST", "access_token", "basic")


@pytest.mark.requirement("RFC 9110 11.6.2 Proxy-Authorization")
@pytest.mark.parametrize("which", ["issuer", "https_issuer"])
def test_authenticates_at_the_proxy_and_shows_its_password_to_nobody_else(
    request: pytest.FixtureRequest,
    of_https: Settings,
    proxy: Proxy,
    log_lines: Callable[[], list[dict[str, Any]]],
    which: str,
) -> None:
    issuer = request.getfixturevalue(which)
    key_set = json.dumps(issuer.key_set)
    seen_by_the_issuer: list[str | None] = []

    def keys(request: Request) -> Response:
        seen_by_the_issuer.append(request.headers.get("Proxy-Authorization"))
        return Response(key_set)

    issuer.key_set = keys
    with_password = proxy.url.replace("//", "//user:p%40ss%3A%C3%A4@") + "/"
    settings = replace(
        of_https, issuer=issuer.url, jwks_uri=issuer.jwks_uri, outbound_proxy=with_password, explain=True
    )
    assert statuses(settings, issuer) == [200, 200]
    assert set(proxy.credentials) == {f"Basic {CREDENTIALS}"}
    assert seen_by_the_issuer == [None]
    proxy.refuses = True
    assert statuses(settings, issuer) == [503, 503]
    logged = json.dumps(log_lines())
    assert "407" in logged
    for shown in ("p%40ss", "p@ss", CREDENTIALS):
        assert shown not in logged


def test_a_user_of_the_proxy_may_have_no_password(issuer: Any, proxy: Proxy) -> None:
    call("GET", issuer.jwks_uri, time.monotonic() + 10, proxy=proxy.url.replace("//", "//user@"))
    assert proxy.credentials == [f"Basic {base64.b64encode(b'user:').decode()}"]


@pytest.mark.parametrize("which", ["issuer", "https_issuer"])
@pytest.mark.parametrize("name", ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_takes_no_proxy_from_the_environment(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    of_https: Settings,
    proxy: Proxy,
    *,
    which: str,
    name: str,
) -> None:
    monkeypatch.setenv(name, proxy.url)
    monkeypatch.setenv(name.lower(), proxy.url)
    issuer = request.getfixturevalue(which)
    assert statuses(replace(of_https, issuer=issuer.url), issuer) == [200, 200]
    assert proxy.asked == []


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nX: "])
@pytest.mark.parametrize("url", ["https://auth.example/jwks", "http://auth.example/jwks"])
def test_ends_a_call_at_its_deadline_whatever_the_proxy_does(url: str, answer: bytes) -> None:
    """The proxy answers nothing, or a header byte by byte."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(answer)
                while answer and not over.wait(0.01):
                    connection.sendall(b"y")

        thread = threading.Thread(target=ignoring_oserror(drip), daemon=True)
        if answer:
            thread.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="no whole answer in 3 s"):
            call("GET", url, began + 0.2, proxy=f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert time.monotonic() < began + 10
        over.set()


def test_ends_a_call_whose_handshake_lasts_beyond_its_deadline(ca_file: Path) -> None:
    """A proxy and a server that are each a little too slow, and then send their answer byte by byte."""
    over = threading.Event()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(ca_file.with_name("server.pem"))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            over.wait(0.3)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            over.wait(0.4)
            with tls.wrap_socket(connection, server_side=True) as server:
                server.recv(65536)
                server.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not over.wait(0.01):
                    server.sendall(b"y")

        threading.Thread(target=ignoring_oserror(drip), daemon=True).start()
        began = time.monotonic()
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        trusted = ssl.create_default_context(cafile=ca_file)
        with pytest.raises(TimeoutError, match="no whole answer in 3 s"):
            call("GET", "https://127.0.0.1/jwks", began + 0.5, proxy=proxy, tls=trusted)
        assert time.monotonic() < began + 10
        over.set()


def ignoring_oserror(action: Callable[[], None]) -> Callable[[], None]:
    def act() -> None:
        try:
            action()
        except OSError:
            return

    return act


def test_a_proxy_that_is_down_makes_the_keys_unavailable(
    of_https: Settings, https_issuer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = replace(of_https, outbound_proxy=f"http://127.0.0.1:{port}")
    assert statuses(settings, https_issuer) == [503, 503]
    assert "Connection refused" in str([vars(record).get("reason") for record in caplog.records])
