"""A tenant, its secrets and a server on them, in a folder of each test's own."""

import hashlib
import io
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.logs import configure_logging
from auth_server.startup import Service, apply, open_service
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

TENANT = """
apis:
  - {identifier: "https://rs.example", name: RS, scopes: [read, write, admin]}
  - {identifier: "https://es.example", name: ES, scopes: [read], signing_alg: ES256, token_lifetime: 60}
  - {identifier: "https://ed.example", name: Ed, scopes: [read], signing_alg: EdDSA}
clients:
  - {client_id: job, name: Job, secret_digest_files: [job.sha256]}
  - {client_id: many, name: Many, secret_digest_files: [many.sha256, many.next.sha256]}
  - {client_id: none, name: None, secret_digest_files: [none.sha256]}
  - {client_id: "off", name: "Off", secret_digest_files: [off.sha256], enabled: false}
  - {client_id: "a+b %c:d", name: Odd, secret_digest_files: [odd.sha256]}
grants:
  - {client: job, audience: "https://rs.example", scopes: [read, write]}
  - {client: many, audience: "https://rs.example", scopes: [read], token_lifetime: 2}
  - {client: many, audience: "https://es.example", scopes: [read]}
  - {client: many, audience: "https://ed.example", scopes: [read]}
  - {client: "off", audience: "https://rs.example", scopes: [read]}
  - {client: "a+b %c:d", audience: "https://rs.example", scopes: [read]}
"""
SECRETS = {
    "job": "job-secret",
    "many": "many-secret",
    "many.next": "many-next-secret",
    "none": "none-secret",
    "off": "off-secret",
    "odd": "s+e c%r:t ü",
}

GOOD = {"grant_type": "client_credentials"}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the files of a service and start it once: making keys takes its time."""
    folder = tmp_path_factory.mktemp("template")
    _write(folder)
    service = open_service(_environ(folder))
    apply(service)
    service.engine.dispose()
    return folder


@pytest.fixture
def environ(template: Path, tmp_path: Path) -> dict[str, str]:
    """Copy the files of a service; give its environment."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return _environ(tmp_path)


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
    }


@pytest.fixture
def start() -> Iterator[Callable[[dict[str, str]], Service]]:
    """Open a service and apply its tenant; close it in the end."""
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
def service(start: Callable[[dict[str, str]], Service], environ: dict[str, str]) -> Service:
    return start(environ)


@pytest.fixture
def app(service: Service) -> Flask:
    return create_app(service)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """Send a token request of the client `job`, as far as the test does not say otherwise."""

    def send(parameters: Any = None, **options: Any) -> TestResponse:
        options.setdefault("auth", ("job", SECRETS["job"]))
        if not {"json", "content_type"} & options.keys():
            options["content_type"] = "application/x-www-form-urlencoded"
        if "json" not in options:
            options["data"] = GOOD | parameters if isinstance(parameters, dict) else parameters or GOOD
        return client.post("/oauth/token", **options)

    return send


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Log at DEBUG; give the lines so far."""
    stream = io.StringIO()
    configure_logging("DEBUG", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().handlers.clear()
