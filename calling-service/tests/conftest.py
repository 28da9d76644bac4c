"""Stand-ins on loopback: a token endpoint and an API that count their calls and answer as the test says."""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from calling_service.settings import Settings
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

SECRET = "a+b/c d%e:ünïcode-and-long-enough-to-be-a-secret"

Answer = Callable[[Request], Response]


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve apps on loopback ports of their own until the test ends; over TLS with a context for it."""
    running = []

    def start(answer: Answer, tls: ssl.SSLContext | None = None) -> str:
        def app(environ: Any, start_response: Any) -> Any:
            request = Request(environ)
            request.get_data()  # an unread body would reset the connection
            return answer(request)(environ, start_response)

        server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tls)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return f"{'https' if tls else 'http'}://127.0.0.1:{server.port}"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """Return the file of a certificate for 127.0.0.1 that no CA knows, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    today = datetime.now(UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(made.public_bytes(Encoding.PEM))
    key_path = tmp_path / "certificate-key.pem"
    key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context


@pytest.fixture(autouse=True)
def _quiet_werkzeug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", logger="werkzeug")


@dataclass
class Clock:
    """A clock that stands still."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock that the test moves."""
    return Clock()


@pytest.fixture
def wall_clock() -> Clock:
    """Return a second clock, which the test moves apart from the first."""
    return Clock(1_800_000_000.0)


def jwt(claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
    parts = ({"alg": "RS256", "typ": "at+jwt", "kid": "1"} if header is None else header, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join([*encoded, "c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4"])


@dataclass
class TokenEndpoint:
    """Answers each call with another token, or with the responses that are queued in `answers`."""

    url: str = ""
    secret: str = SECRET
    lifetime: float = 3600
    answers: list[Response] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    hold: threading.Event | None = None  # set: answer
    arrived: threading.Event = field(default_factory=threading.Event)
    serial: Iterator[int] = field(default_factory=lambda: count(1))

    def __call__(self, request: Request) -> Response:
        """Answer a call."""
        self.requests.append(request)
        self.arrived.set()
        if self.hold:
            self.hold.wait(10)
        return self.answers.pop(0) if self.answers else self.token(scope=request.form.get("scope"))

    @property
    def calls(self) -> int:
        """Return how many calls came."""
        return len(self.requests)

    def token(self, **changes: Any) -> Response:
        """Return a token response; a member that is None is left out."""
        value = jwt({"sub": "job", "client_id": "job", "exp": 4102444800, "jti": str(next(self.serial))})
        body = {"access_token": value, "token_type": "Bearer", "expires_in": self.lifetime} | changes
        return Response(
            json.dumps({k: v for k, v in body.items() if v is not None}), mimetype="application/json"
        )

    @staticmethod
    def error(status: int, error: str, description: str = "no", **headers: str) -> Response:
        """Return an error response."""
        body = json.dumps({"error": error, "error_description": description})
        return Response(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def endpoint(serve: Serve) -> TokenEndpoint:
    """Serve a token endpoint."""
    stand_in = TokenEndpoint()
    stand_in.url = serve(stand_in) + "/oauth/token"
    return stand_in


@dataclass
class Api:
    """Books entries as the Timesheets API does, or answers with what is queued in `answers`."""

    url: str = ""
    books: dict[str, Any] = field(default_factory=dict)
    answers: list[Response | None] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)
    on_call: Callable[[Request], None] = lambda _: None

    def __call__(self, request: Request) -> Response:
        """Answer a call."""
        self.requests.append(request)
        self.on_call(request)
        if request.headers.get("Authorization", "") in self.revoked:
            return self.refusal(401, 'Bearer realm="x", error="invalid_token"')
        answer = self.answers.pop(0) if self.answers else None
        return answer or self._book(json.loads(request.get_data() or b'{"entries": []}')["entries"])

    def _book(self, entries: list[dict[str, Any]]) -> Response:
        old = {
            e["external_id"]: self.books[e["external_id"]] for e in entries if e["external_id"] in self.books
        }
        errors = [
            {"index": i, "field": "hours", "reason": "is booked with other values", "code": "conflict"}
            for i, e in enumerate(entries)
            if old.get(e["external_id"], e) != e
        ]
        if errors:
            problem = {"title": "Unprocessable Content", "status": 422, "detail": "no", "errors": errors}
            return Response(json.dumps(problem), 422, mimetype="application/problem+json")
        self.books |= {e["external_id"]: e for e in entries}
        return Response(json.dumps({"booked": len(entries) - len(old), "unchanged": len(old)}))

    @staticmethod
    def refusal(status: int, challenge: str) -> Response:
        """Return a response with a challenge."""
        return Response("{}", status, {"WWW-Authenticate": challenge})

    @property
    def tokens(self) -> list[str]:
        """Return the Authorization headers that came."""
        return [request.headers.get("Authorization", "") for request in self.requests]


@pytest.fixture
def api(serve: Serve) -> Api:
    """Serve an API."""
    stand_in = Api()
    stand_in.url = serve(stand_in)
    return stand_in


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """Write the client secret to a file, with a line end as editors leave it."""
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n", encoding="utf-8")
    return path


@pytest.fixture
def environ(tmp_path: Path, endpoint: TokenEndpoint, api: Api, secret_file: Path) -> dict[str, str]:
    """Return the settings of a service that works, as environment variables."""
    (tmp_path / "inbox").mkdir()
    return {
        "ISSUER": "http://localhost:9000",
        "TOKEN_URL": endpoint.url,
        "CLIENT_ID": "timesheets-import-job",
        "CLIENT_SECRET_FILE": str(secret_file),
        "API_URL": api.url,
        "AUDIENCE": "http://localhost:9001",
        "SCOPE": "batch:upload",
        "INBOX": str(tmp_path / "inbox"),
        "STATE_DIR": str(tmp_path / "state"),
        "HTTP_READ_TIMEOUT": "5",
        "HTTP_RETRIES": "0",
        "SETTLE_SECONDS": "0.001",
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """Return the same settings as the service reads them."""
    return Settings.from_environ(environ)


@pytest.fixture
def unused_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
