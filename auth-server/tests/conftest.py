"""A tenant, its secrets and a server, in a folder for each test."""

import base64
import hashlib
import io
import json
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from auth_server.app import create_app
from auth_server.database.engine import create_database_engine
from auth_server.database.migrations import migrate
from auth_server.logs import configure_logs
from auth_server.startup import Service, apply, open_service
from auth_server.tokens.access_token import AccessTokens
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwk
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from sqlalchemy import Engine
from werkzeug.test import TestResponse

if TYPE_CHECKING:  # a copy of this folder alone has no PostgreSQL in its tests
    from postgresql_server import Database, Server

TENANT = """
apis:
  - {identifier: "https://rs.example", name: RS, scopes: [read, write, admin], introspected_by: api}
  - {identifier: "https://es.example", name: ES, scopes: [read], signing_alg: ES256, token_lifetime: 60}
  - {identifier: "https://ed.example", name: Ed, scopes: [read], signing_alg: EdDSA}
clients:
  - {client_id: job, name: Job, secret_digest_files: [job.sha256]}
  - {client_id: many, name: Many, secret_digest_files: [many.sha256, many.next.sha256]}
  - {client_id: api, name: The API itself, secret_digest_files: [api.sha256]}
  - {client_id: none, name: None, secret_digest_files: [none.sha256]}
  - {client_id: "off", name: "Off", secret_digest_files: [off.sha256], enabled: false}
  - {client_id: "a+b %c:d", name: Odd, secret_digest_files: [odd.sha256]}
  - {client_id: bot, name: Bot, jwks_file: bot.json}
  - {client_id: bare, name: Bare, jwks_file: bare.json}
  - {client_id: flagged, name: Flagged, jwks_file: bot.json, token_endpoint_audience: true}
  - {client_id: bot-off, name: Bot off, jwks_file: bot.json, enabled: false}
grants:
  - {client: job, audience: "https://rs.example", scopes: [read, write]}
  - {client: many, audience: "https://rs.example", scopes: [read], token_lifetime: 2}
  - {client: many, audience: "https://es.example", scopes: [read]}
  - {client: many, audience: "https://ed.example", scopes: [read]}
  - {client: "off", audience: "https://rs.example", scopes: [read]}
  - {client: "a+b %c:d", audience: "https://rs.example", scopes: [read]}
  - {client: bot, audience: "https://rs.example", scopes: [read]}
  - {client: bare, audience: "https://rs.example", scopes: [read]}
  - {client: flagged, audience: "https://rs.example", scopes: [read]}
"""
SECRETS = {
    "job": "job-secret",
    "many": "many-secret",
    "many.next": "many-next-secret",
    "api": "api-secret",
    "none": "none-secret",
    "off": "off-secret",
    "odd": "s+e c%r:t ü",
}

GOOD = {"grant_type": "client_credentials"}


@pytest.fixture(scope="session")
def private_keys() -> dict[str, Key]:
    """Return the keys of the client `bot`, one per algorithm; its kid is the algorithm's name."""
    keys: dict[str, Key] = {
        "RS256": jwk.generate_key("RSA", 2048),
        "ES256": jwk.generate_key("EC", "P-256"),
        "EdDSA": jwk.generate_key("OKP", "Ed25519"),
    }
    return {alg: jwk.import_key(key.as_dict(private=True) | {"kid": alg}) for alg, key in keys.items()}


Sign = Callable[..., dict[str, str]]


@pytest.fixture
def sign(private_keys: dict[str, Key]) -> Sign:
    """Return a function that signs a valid client assertion of `bot`, except for what the test changes."""

    def make(claims: dict[str, Any] | None = None, **header: Any) -> dict[str, str]:
        members = {"alg": "ES256", "kid": header.get("alg", "ES256")} | header
        now = time.time()
        right = {"iss": "bot", "sub": "bot", "aud": "https://issuer.example", "exp": now + 60, "iat": now}
        right |= {"jti": secrets.token_hex(8)} | (claims or {})
        parts = [{k: v for k, v in part.items() if v is not None} for part in (members, right)]
        head, body = (urlsafe_b64encode(json.dumps(part)) for part in parts)
        alg = {"RS256": "RS256", "EdDSA": "EdDSA", "Ed25519": "EdDSA"}.get(str(members["alg"]), "ES256")
        signed = JWSRegistry.algorithms[alg].sign(f"{head}.{body}".encode(), private_keys[alg])
        signature = urlsafe_b64encode(signed)
        return {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": f"{head}.{body}.{signature}",
        }

    return make


def urlsafe_b64encode(data: str | bytes) -> str:
    """Return base64url without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).decode().rstrip("=")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, private_keys: dict[str, Key]) -> Path:
    """Write the files of a service and start it once, because making keys takes time."""
    folder = tmp_path_factory.mktemp("template")
    _write(folder)
    (folder / "actions").mkdir()
    public = {"keys": [key.as_dict(private=False) for key in private_keys.values()]}
    (folder / "bot.json").write_text(json.dumps(public))
    bare = [{k: v for k, v in key.items() if k != "kid"} for key in public["keys"]]
    (folder / "bare.json").write_text(json.dumps({"keys": bare}))
    service = open_service(_environ(folder))
    apply(service)
    service.engine.dispose()
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on the kinds of databases that its marker names; without one it runs on SQLite."""
    marker = metafunc.definition.get_closest_marker("databases")
    if marker and "kind" in metafunc.fixturenames:
        marks = {"postgresql": [pytest.mark.long]}  # a second run of the same tests
        kinds = [pytest.param(kind, marks=marks.get(kind, [])) for kind in marker.args]
        metafunc.parametrize("kind", kinds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of database that the test runs on."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def new_applied(template: Path) -> "Callable[[Server], Database]":
    """Return a function that creates a database on a server and applies the tenant there."""

    def made(server: "Server") -> "Database":
        database = server.new_database()
        service = open_service(_environ(template) | on_postgresql(database, template))
        apply(service)
        service.engine.dispose()
        return database

    return made


@pytest.fixture(scope="session")
def applied(postgresql: "Server", new_applied: "Callable[[Server], Database]") -> "Database":
    """Return a PostgreSQL database in which the tenant is applied, to be copied."""
    return new_applied(postgresql)


def on_postgresql(database: "Database", folder: Path) -> dict[str, str]:
    """Return the settings that name a database, whose password is in a file of the folder."""
    return {
        "DATABASE_URL": database.url("postgresql+psycopg"),
        "DATABASE_PASSWORD_FILE": str(database.write_password(folder)),
    }


@pytest.fixture
def database(kind: str, request: pytest.FixtureRequest) -> "Iterator[Database | None]":
    """Copy the PostgreSQL database in which the tenant is applied; None: the test runs on SQLite."""
    if kind == "sqlite":
        yield None
        return
    server: Server = request.getfixturevalue("postgresql")
    copy = server.copy(request.getfixturevalue("applied"))
    yield copy
    server.drop(copy)


@pytest.fixture
def environ(template: Path, tmp_path: Path, database: "Database | None") -> dict[str, str]:
    """Copy the files and the database of a service, and return its environment."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    settings = _environ(tmp_path)
    return settings | on_postgresql(database, tmp_path) if database else settings


@pytest.fixture
def empty_database(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings that name a new database of the kind that the test runs on."""
    if kind == "sqlite":
        return {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}"}
    return on_postgresql(request.getfixturevalue("new_database")(), tmp_path)


@pytest.fixture(scope="session")
def migrated(postgresql: "Server", tmp_path_factory: pytest.TempPathFactory) -> "Database":
    """Return a PostgreSQL database with empty tables, to be copied."""
    database = postgresql.new_database()
    engine = _engine(on_postgresql(database, tmp_path_factory.mktemp("migrated")))
    migrate(engine)
    engine.dispose()
    return database


def _engine(settings: dict[str, str]) -> Engine:
    file = settings.get("DATABASE_PASSWORD_FILE")
    return create_database_engine(settings["DATABASE_URL"], Path(file) if file else None)


@pytest.fixture
def open_engine() -> Iterator[Callable[[dict[str, str]], Engine]]:
    """Return a function that opens the database which the settings name, as another process would."""
    engines: list[Engine] = []

    def opened(settings: dict[str, str]) -> Engine:
        engines.append(_engine(settings))
        return engines[-1]

    yield opened
    for engine in engines:
        engine.dispose()


@pytest.fixture
def new_engine(
    kind: str,
    tmp_path: Path,
    open_engine: Callable[[dict[str, str]], Engine],
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[], Engine]]:
    """Return a function that opens one database, with empty tables, as another process would."""
    settings = {"DATABASE_URL": f"sqlite:///{tmp_path / 'migrated.db'}"}
    if kind == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        copy = server.copy(request.getfixturevalue("migrated"))
        settings = on_postgresql(copy, tmp_path)

    def opened() -> Engine:
        engine = open_engine(settings)
        migrate(engine)
        return engine

    yield opened
    if kind == "postgresql":
        server.drop(copy)


def _write(tmp_path: Path) -> None:
    for name, secret in SECRETS.items():
        (tmp_path / f"{name}.sha256").write_text(hashlib.sha256(secret.encode()).hexdigest() + "\n")
    (tmp_path / "key-encryption-key").write_text("k" * 43 + "\n")
    (tmp_path / "tenant.yaml").write_text(TENANT)


def _environ(tmp_path: Path) -> dict[str, str]:
    return {
        "ISSUER": "https://issuer.example",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'auth-server.db'}",
        "TENANT_FILE": str(tmp_path / "tenant.yaml"),
        "SECRETS_DIR": str(tmp_path),
        "ACTIONS_DIR": str(tmp_path / "actions"),
        "FAILED_LOGINS_PER_MINUTE": "0",
    }


@pytest.fixture
def execute(
    environ: dict[str, str], open_engine: Callable[[dict[str, str]], Engine]
) -> Callable[[str], None]:
    """Return a function that executes a statement in the database that `environ` names."""
    engine = open_engine(environ)

    def executed(statement: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)

    return executed


@pytest.fixture
def start() -> Iterator[Callable[[dict[str, str]], Service]]:
    """Return a function that opens a service and applies its tenant; close what it opened."""
    services: list[Service] = []

    def opened(environ: dict[str, str]) -> Service:
        service = open_service(environ)
        services.append(service)
        apply(service)
        return service

    yield opened
    for service in services:
        service.engine.dispose()


@pytest.fixture
def service(environ: dict[str, str]) -> Iterator[Service]:
    """Open a service on the copied files, in whose database the tenant is applied already."""
    service = open_service(environ)
    yield service
    service.engine.dispose()


@pytest.fixture
def no_database(
    service: Service, tmp_path: Path, database: "Database | None", request: pytest.FixtureRequest
) -> None:
    """Delete the database of the service, which stays open."""
    service.engine.dispose()
    if database:
        request.getfixturevalue("postgresql").drop(database)
    for file in tmp_path.glob("auth-server.db*"):
        file.unlink()


@pytest.fixture(scope="module")
def shared_service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Open a service that the tests of a module share, because none of them changes it."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(template, folder, dirs_exist_ok=True)
    service = open_service(_environ(folder))
    yield service
    service.engine.dispose()


@pytest.fixture
def app(service: Service) -> Flask:
    return create_app(service)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """Return a function that sends a token request of the client `job`, except for what the test changes."""

    def send(parameters: Any = None, **options: Any) -> TestResponse:
        options.setdefault("auth", ("job", SECRETS["job"]))
        if not {"json", "content_type"} & options.keys():
            options["content_type"] = "application/x-www-form-urlencoded"
        if "json" not in options:
            options["data"] = GOOD | parameters if isinstance(parameters, dict) else parameters or GOOD
        return client.post("/oauth/token", **options)

    return send


@pytest.fixture
def issue(ask: Ask) -> Callable[..., str]:
    """Return a function that issues a token to `job` or to another client."""

    def issued(who: str = "job", **parameters: str) -> str:
        response = ask(GOOD | parameters, auth=(who, SECRETS[who]))
        return str(response.get_json()["access_token"])

    return issued


@pytest.fixture
def make_token(service: Service) -> Callable[..., str]:
    """Return a function that signs a token of `job` without a request, except for what the test changes."""

    def made(
        client_id: str = "job",
        audience: str = "https://rs.example",
        alg: str = "RS256",
        issuer: str = "https://issuer.example",
        now: Callable[[], float] = time.time,
    ) -> str:
        tokens = AccessTokens(issuer, service.keys, 4096, now)
        return tokens.issue(client_id, audience, "read", signing_alg=alg, lifetime=60, custom_claims={}).value

    return made


@pytest.fixture
def introspect(client: FlaskClient) -> Ask:
    """Return a function that introspects a token as the client that its API names."""

    def send(token: str, who: str = "api", **parameters: str) -> TestResponse:
        form = {"token": token} | parameters
        return client.post("/oauth/introspect", data=form, auth=(who, SECRETS[who]))

    return send


@pytest.fixture
def revoke(client: FlaskClient) -> Ask:
    """Return a function that revokes a token as `job`."""

    def send(token: str, who: str = "job", **parameters: str) -> TestResponse:
        form = {"token": token} | parameters
        return client.post("/oauth/revoke", data=form, auth=(who, SECRETS[who]))

    return send


@pytest.fixture
def log_lines(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Log at DEBUG, and return a function that returns the lines so far."""
    configure_logs("DEBUG")
    written = io.StringIO()

    def lines() -> list[dict[str, Any]]:
        written.write(capfd.readouterr().out)
        return [json.loads(line) for line in written.getvalue().splitlines()]

    yield lines
    logging.getLogger().handlers.clear()
