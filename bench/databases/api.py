"""The Timesheets API on both databases, which write to the disk before they confirm an upload."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from jwt.algorithms import ECAlgorithm
from postgresql_server import Database
from protected_api.app import create_app
from protected_api.settings import Settings

from bench.databases.rounds import compare, print_heading
from bench.in_process import Call, call

AUDIENCE = "http://localhost:9001"
ROWS = 20_000  # in the tables before the first round
READS = {
    "one timesheet, token remembered": "limit=1",
    "page of 100": "limit=100",
    "page of 100, of one person among 1,000": "limit=100&user_id=C-7",
}


class Issuer:
    """Signs one token, and publishes its key on a loopback port."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "1", "alg": "ES256", "use": "sig"}
        body = json.dumps({"keys": [jwk]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "job", "client_id": "job", "iat": now, "jti": "1"}
        claims |= {"exp": now + 3600, "scope": "batch:upload read:timesheets"}
        token = jwt.encode(claims, key, "ES256", {"typ": "at+jwt", "kid": "1"})
        self.headers = {"HTTP_AUTHORIZATION": f"Bearer {token}", "CONTENT_TYPE": "application/json"}


def upload(name: str) -> bytes:
    """Return the body of an upload of 500 entries, of one half of 1,000 people or the other."""
    first = 500 * (sum(name.encode()) % 2)
    entries = [
        {
            "external_id": f"{name}-{number}",
            "user_id": f"C-{first + number}",
            "date": "2026-11-27",
            "project": f"Project {number % 50}",
            "hours": "7.25",
        }
        for number in range(500)
    ]
    return json.dumps({"entries": entries}).encode()


def uploads(app: Flask, headers: dict[str, str], names: Iterator[str]) -> Iterator[Call]:
    """Yield a request for each name: as many new uploads as names, or one again and again."""
    for name in names:
        yield call(app, "POST", "/timesheets/upload", headers, upload(name))


def measure(folder: Path, database: Database) -> None:
    """Fill both databases, and compare what the API does with them."""
    issuer = Issuer()
    environ = {"ISSUER": issuer.url, "JWKS_URI": f"{issuer.url}/jwks", "AUDIENCE": AUDIENCE}
    password_file = str(database.write_password(folder))
    apps = [
        create_app(Settings.from_environ(environ | more))
        for more in (
            {"DATABASE_FILE": str(folder / "api.db")},
            {"DATABASE_URL": database.url(), "DATABASE_PASSWORD_FILE": password_file},
        )
    ]
    for app in apps:
        app.extensions["keys"].refresh()
        for send in uploads(app, issuer.headers, (f"before-{number}" for number in range(ROWS // 500))):
            send()
    print_heading("The Timesheets API")
    new = [uploads(app, issuer.headers, (f"new-{number}" for number in itertools.count())) for app in apps]
    compare("upload of 500, new", new, 5, database)
    again = [uploads(app, issuer.headers, itertools.repeat("before-0")) for app in apps]
    compare("upload of 500, booked before", again, 5, database)
    for name, query in READS.items():
        reads = [call(app, "GET", f"/timesheets?{query}", issuer.headers) for app in apps]
        compare(name, [itertools.repeat(read) for read in reads], 100, database)
