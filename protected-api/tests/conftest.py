"""The suite's own issuer, on a real loopback server, and an API that trusts it."""

import base64
import json
import logging
import os
import secrets
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, get_default_algorithms
from protected_api.app import create_app
from protected_api.databases import open_database
from protected_api.logs import configure_logs
from protected_api.postgresql.database import PostgresqlDatabase
from protected_api.settings import Settings
from protected_api.sqlite.database import SqliteDatabase
from protected_api.timesheets.database import Database
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

AUDIENCE = "http://localhost:9001"
SERVICE = Path(__file__).parents[1]


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs what a test asks for; serves `key_set`, `introspection`, `metadata` (bytes, JSON, a response)."""

    def __init__(self, private: dict[str, Any], tls: ssl.SSLContext | None = None) -> None:
        self.private, self.tls = private, tls
        self.key_set: Any = {"keys": [self.jwk(kid) for kid in private]}
        self.requests: list[str] = []
        self.listen()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}"
        self.jwks_uri = f"{self.url}/jwks"
        self.introspection: Any = {"active": True}
        self.introspected: list[tuple[str, dict[str, str], Any]] = []
        self.metadata: Any = {"issuer": self.url, "jwks_uri": self.jwks_uri}
        self.metadata["introspection_endpoint"] = f"{self.url}/introspect"

    def listen(self, port: int = 0) -> None:
        """Serve on this port of the loopback interface, or on a free one."""
        app: Any = Request.application(self._serve)
        self.server = make_server("127.0.0.1", port, app, threaded=True, ssl_context=self.tls)
        threading.Thread(target=self.server.serve_forever, args=(0.005,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.server.shutdown()
        self.server.server_close()

    def _serve(self, request: Request) -> Response:
        self.requests.append(request.path)
        answer = self.key_set if request.path == "/jwks" else self.metadata
        if request.path == "/introspect":
            self.introspected.append((request.method, request.form.to_dict(), request.authorization))
            answer = self.introspection
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Response):
            return answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer)
        return Response(body, mimetype="application/json")

    def jwk(self, kid: str, /, **members: Any) -> dict[str, Any]:
        """Return the public key of that name as a member of a key set, with changes."""
        public = self.private[kid].public_key()
        kinds = (
            (rsa.RSAPublicKey, RSAAlgorithm, "RS256"),
            (ec.EllipticCurvePublicKey, ECAlgorithm, "ES256"),
            (ed25519.Ed25519PublicKey, OKPAlgorithm, "EdDSA"),
        )
        [(algorithm, alg)] = [(algorithm, alg) for kind, algorithm, alg in kinds if isinstance(public, kind)]
        return {**algorithm.to_jwk(public, as_dict=True), "kid": kid, "alg": alg, "use": "sig"} | members

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return good claims with changes; None removes one."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "exp": now + 300,
            "aud": AUDIENCE,
            "sub": "import-job",
            "client_id": "import-job",
            "iat": now,
            "jti": secrets.token_hex(8),
            "scope": "batch:upload read:timesheets",
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        """Return a good header with changes; None removes one."""
        header = {"typ": "at+jwt", "alg": "RS256", "kid": "rsa"} | changes
        return {name: value for name, value in header.items() if value is not None}

    def sign(self, header: str | bytes, claims: str | bytes, kid: str = "rsa") -> str:
        """Return a token of exactly these bytes, signed with the key `kid`."""
        alg = self.jwk(kid)["alg"]
        parts = (part.encode() if isinstance(part, str) else part for part in (header, claims))
        signed = ".".join(base64url(part) for part in parts)
        return f"{signed}.{base64url(get_default_algorithms()[alg].sign(signed.encode(), self.private[kid]))}"

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a good token with changes, signed with the key that its header names (or rsa)."""
        head = self.header(**(header or {}))
        kid = head.get("kid")
        key = kid if isinstance(kid, str) and kid in self.private else "rsa"
        return self.sign(json.dumps(head), json.dumps(self.claims(**claims)), key)


class Workers:
    """The API as gunicorn serves it: two workers with four threads each, on a loopback port."""

    def __init__(self, issuer: Issuer, folder: Path, options: str = "", **environ: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        options += f" --bind 127.0.0.1:{self.port} --worker-class gthread --workers 2 --threads 4"
        self.issuer, self.log = issuer, folder / "log"
        with self.log.open("w") as log:
            self.master = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "protected_api.wsgi:app"],
                cwd=SERVICE,
                env={
                    "PATH": os.environ["PATH"],
                    "GUNICORN_CMD_ARGS": f"{options} --preload --reuse-port --no-control-socket",
                    "ISSUER": issuer.url,
                    "JWKS_URI": issuer.jwks_uri,
                    "AUDIENCE": AUDIENCE,
                    "DATABASE_FILE": str(folder / "timesheets.db"),
                    **environ,
                },
                stdout=log,
                stderr=log,
            )

    def send(self, data: bytes) -> bytes:
        """Send these bytes on a new connection, close its sending side, and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def status(self, token: str | None = None, path: str = "/timesheets") -> int:
        """Return the status of a read on a new connection, so that both workers get some of them."""
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\r\n"
        return int(self.send(head.encode()).split(b" ", 2)[1])

    def stop(self) -> None:
        """End all processes."""
        self.master.terminate()
        self.master.wait(20)


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits until a condition holds, and fails after 20 seconds."""
    return _eventually


@pytest.fixture
def start_workers(issuer: Issuer, tmp_path: Path) -> Iterator[Callable[..., Workers]]:
    """Return a function that starts the API with these settings and waits until it listens."""
    started: list[Workers] = []

    def start(options: str = "", **environ: str) -> Workers:
        workers = Workers(issuer, tmp_path, options, **environ)
        started.append(workers)
        _eventually(lambda: workers.log.read_bytes().count(b"Booting worker") == 2)
        return workers

    yield start
    for workers in started:
        workers.stop()


@pytest.fixture(scope="module")
def workers(shared_issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """Return the running API that the tests of a module share; it trusts its `issuer`."""
    workers = Workers(shared_issuer, tmp_path_factory.mktemp("workers"))
    _eventually(lambda: workers.log.read_bytes().count(b"Booting worker") == 2)
    yield workers
    workers.stop()


@pytest.fixture(scope="session")
def private_keys() -> dict[str, Any]:
    return {
        "rsa": rsa.generate_private_key(65537, 2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
        "ed": ed25519.Ed25519PrivateKey.generate(),
    }


def _issuing(private_keys: dict[str, Any]) -> Iterator[Issuer]:
    issuer = Issuer(dict(private_keys))
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def database_kind(request: pytest.FixtureRequest) -> str:
    """Return sqlite, or what a test is parametrized with."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="module")
def new_database_settings(
    database_kind: str, request: pytest.FixtureRequest
) -> Callable[[Path], dict[str, Any]]:
    """Return a function that prepares a new database; its settings may be files in a folder."""

    def new_file(folder: Path) -> dict[str, Any]:
        file = str(folder / "timesheets.db")
        SqliteDatabase(file).prepare()
        return {"database_file": file}

    def new_database(folder: Path) -> dict[str, Any]:
        database = request.getfixturevalue("new_database")()
        password_file = str(database.write_password(folder))
        PostgresqlDatabase(database.url(), password_file).prepare()
        return {
            "database_file": "",
            "database_url": database.url(),
            "database_password_file": password_file,
        }

    return new_file if database_kind == "sqlite" else new_database


@contextmanager
def _connected(settings: Settings) -> Iterator[Any]:
    if settings.database_password_file and settings.database_url:
        password = Path(settings.database_password_file).read_text().strip()
        with psycopg.connect(settings.database_url, password=password, autocommit=True) as connection:
            yield connection
        return
    with closing(sqlite3.connect(settings.database_file, isolation_level=None)) as connection:
        yield connection


@pytest.fixture(scope="session")
def connected() -> Callable[[Settings], AbstractContextManager[Any]]:
    """Return a function that connects to the database of settings, as another program would."""
    return _connected


@pytest.fixture
def database(settings: Settings) -> Database:
    """Return the database of the settings."""
    return open_database(settings.database_file, settings.database_url, settings.database_password_file)


def _introspecting(settings: Settings, folder: Path) -> Settings:
    secret = folder / "secret"
    secret.write_text("s3cret+/%:\n")
    return replace(
        settings,
        introspection_url=f"{settings.issuer}/introspect",
        client_id="timesheets api",
        client_secret_file=str(secret),
    )


def _app(settings: Settings) -> Flask:
    app = create_app(settings)
    app.extensions["keys"].refresh()
    return app


@pytest.fixture
def issuer(private_keys: dict[str, Any]) -> Iterator[Issuer]:
    yield from _issuing(private_keys)


@pytest.fixture
def settings(
    issuer: Issuer, tmp_path: Path, new_database_settings: Callable[..., dict[str, Any]]
) -> Settings:
    database = new_database_settings(tmp_path)
    return Settings(issuer=issuer.url, audience=AUDIENCE, jwks_uri=issuer.jwks_uri, **database)


@pytest.fixture(scope="module")
def shared_issuer(private_keys: dict[str, Any]) -> Iterator[Issuer]:
    """Return an issuer that the tests of a module share."""
    yield from _issuing(private_keys)


@pytest.fixture(scope="module")
def shared_settings(
    shared_issuer: Issuer,
    tmp_path_factory: pytest.TempPathFactory,
    new_database_settings: Callable[..., dict[str, Any]],
) -> Settings:
    """Return the settings of the shared API, which introspects at the shared issuer."""
    folder = tmp_path_factory.mktemp("shared")
    url = shared_issuer.url
    database = new_database_settings(folder)
    settings = Settings(issuer=url, audience=AUDIENCE, jwks_uri=shared_issuer.jwks_uri, **database)
    return _introspecting(settings, folder)


@pytest.fixture(scope="module")
def shared_app(shared_settings: Settings) -> Flask:
    """Return an API that the tests of a module share; it trusts `shared_issuer`."""
    return _app(shared_settings)


@pytest.fixture
def emptied_app(shared_app: Flask, shared_settings: Settings) -> Flask:
    """Return the shared API without the timesheets that an earlier test left in it."""
    with _connected(shared_settings) as connection:
        if shared_settings.database_file:
            connection.executescript("DELETE FROM timesheets; DELETE FROM sqlite_sequence;")
        else:
            connection.execute("TRUNCATE timesheets RESTART IDENTITY")
    return shared_app


@pytest.fixture
def fresh_settings(settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with which the API introspects at the issuer."""
    return _introspecting(settings, tmp_path)


@pytest.fixture
def fresh_client(fresh_settings: Settings) -> FlaskClient:
    """Return a client of an API that introspects."""
    return _app(fresh_settings).test_client()


@pytest.fixture
def app(settings: Settings) -> Flask:
    return _app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def bearer(issuer: Issuer) -> Callable[..., dict[str, str]]:
    """Return headers that present a good token with changed claims."""
    return lambda **claims: {"Authorization": f"Bearer {issuer.token(**claims)}"}


def _configured(
    level: str, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    package = logging.getLogger("protected_api")
    before = logging.root.handlers, logging.root.level, package.level
    configure_logs(level)
    capfd.readouterr()
    yield lambda: [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    logging.root.handlers, logging.root.level = before[:2]
    package.setLevel(before[2])


@pytest.fixture
def log_lines(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return a function that returns what was logged at INFO since its last call."""
    yield from _configured("INFO", capfd)


@pytest.fixture
def debug_log_lines(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the same at DEBUG."""
    yield from _configured("DEBUG", capfd)
