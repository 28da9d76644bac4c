"""The authorization server on both databases: requests that read nothing, that write, that read."""

import hashlib
import json
import secrets
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from auth_server.app import create_app
from auth_server.startup import apply, open_service
from flask import Flask
from joserfc import jwk, jwt
from postgresql_server import Database

from bench.databases.rounds import compare, print_heading
from bench.in_process import Call, call

CALLS = 200
ISSUER = "https://issuer.example"
TENANT = """
apis: [{identifier: "https://api.example", name: API, scopes: [read], signing_alg: ES256}]
clients:
  - {client_id: job, name: Job, secret_digest_files: [job.sha256]}
  - {client_id: bot, name: Bot, jwks_file: bot.json}
grants:
  - {client: job, audience: "https://api.example", scopes: [read]}
  - {client: bot, audience: "https://api.example", scopes: [read]}
"""
HEADERS = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
SECRET = {"client_id": "job", "client_secret": "secret"}
GRANT = {"grant_type": "client_credentials"}
KEY = jwk.generate_key("EC", "P-256")


def started(folder: Path, settings: Mapping[str, str]) -> Flask:
    """Return an authorization server with these settings."""
    folder.mkdir()
    (folder / "tenant.yaml").write_text(TENANT)
    (folder / "job.sha256").write_text(hashlib.sha256(b"secret").hexdigest())
    (folder / "bot.json").write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    (folder / "key-encryption-key").write_text("k" * 43)
    files = {"TENANT_FILE": f"{folder}/tenant.yaml", "SECRETS_DIR": str(folder), "ACTIONS_DIR": str(folder)}
    service = open_service({"ISSUER": ISSUER, **files, **settings})
    apply(service)
    return create_app(service)


def post(app: Flask, path: str, form: Mapping[str, str]) -> Call:
    """Return a function that sends the form."""
    return call(app, "POST", path, HEADERS, urllib.parse.urlencode(form).encode())


def with_secret(app: Flask) -> Iterator[Call]:
    """Yield token requests of a client that is remembered for CACHE_TTL, 2 s."""
    while True:
        yield post(app, "/oauth/token", GRANT | SECRET)


def with_key(app: Flask) -> Iterator[Call]:
    """Yield token requests with private_key_jwt, each of which writes a row."""
    while True:
        now = int(time.time())
        claims = {"iss": "bot", "sub": "bot", "aud": ISSUER, "exp": now + 60, "jti": secrets.token_hex(8)}
        assertion = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256"}, claims, KEY),
        }
        yield post(app, "/oauth/token", GRANT | assertion)


def introspection(app: Flask) -> Iterator[Call]:
    """Yield introspections, each of which reads the database."""
    answer = app.test_client().post("/oauth/token", data=GRANT | SECRET)
    token = str(answer.get_json()["access_token"])
    while True:
        yield post(app, "/oauth/introspect", SECRET | {"token": token})


def measure(folder: Path, database: Database) -> None:
    """Compare what the authorization server does with both databases."""
    postgresql = {
        "DATABASE_URL": database.url("postgresql+psycopg"),
        "DATABASE_PASSWORD_FILE": str(database.write_password(folder)),
    }
    sqlite = {"DATABASE_URL": f"sqlite:///{folder}/auth-server.db"}
    apps = [started(folder / "sqlite", sqlite), started(folder / "postgresql", postgresql)]
    print_heading("The authorization server")
    for name, requests in (
        ("token request, secret", with_secret),
        ("token request, private_key_jwt", with_key),
        ("introspection", introspection),
    ):
        compare(name, [requests(app) for app in apps], CALLS, database)
