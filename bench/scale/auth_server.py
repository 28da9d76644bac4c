"""Measure the authorization server, in a process with its settings."""

import base64
import itertools
import json
import os
import urllib.parse
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from auth_server.app import create_app
from auth_server.startup import open_service
from flask import Flask
from live_stack import INVOICES

from bench import refusals
from bench.in_process import Call, call
from bench.scale import tables
from bench.scale.comparison import SIZES, Environments, Requests, compare, compare_programs

FORM = {"CONTENT_TYPE": "application/x-www-form-urlencoded"}
APPLY = ["-m", "flask", "--app", "auth_server.wsgi", "tenant", "apply"]
STACK: Any = SimpleNamespace(  # what this process knows of it
    issuer=os.environ["ISSUER"], timesheets_api=os.environ["TIMESHEETS_API"]
)
START = ["-c", "import auth_server.wsgi"]


def measure(folder: str, secret: str) -> None:
    """Fill a small and a large database and print what everything costs; all clients have the same secret."""
    keys = json.dumps({"keys": [refusals.KEY.as_dict(private=False)]})
    (Path(os.environ["SECRETS_DIR"]) / "bench-keys.json").write_text(keys)
    sample = Path(os.environ["TENANT_FILE"]).read_text()
    environments: Environments = {}
    for name, rows in SIZES.items():
        tenant = f"{folder}/{name}.yaml"
        database = f"{folder}/auth-{name}.db"
        tables.write_tenant(Path(tenant), sample, rows["clients"], STACK.timesheets_api)
        environments[name] = {**os.environ, "TENANT_FILE": tenant, "DATABASE_URL": f"sqlite:///{database}"}
    compare_programs("tenant apply, to an empty database", APPLY, environments)
    for name, rows in SIZES.items():
        tables.fill_auth_server(f"{folder}/auth-{name}.db", rows["tokens"])
    compare_programs("tenant apply, nothing to change", APPLY, environments)
    compare_programs("authorization server, start", START, environments)
    apps = [create_app(open_service(environment)) for environment in environments.values()]
    for name, requests in (
        ("token, secret", _same_client),
        ("token, secret, each time another client", _other_clients),
        ("token, private_key_jwt", _assertions),
        ("introspection", _introspections),
        ("revocation", _revocations),
    ):
        compare(name, map(partial(requests, secret), apps))


def _post(app: Flask, path: str, client_id: str, secret: str, **form: str) -> Call:
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    headers = FORM | {"HTTP_AUTHORIZATION": f"Basic {basic}"}
    return call(app, "POST", path, headers, urllib.parse.urlencode(form).encode())


def _token_request(app: Flask, client_id: str, secret: str, audience: str) -> Call:
    grant_type = "client_credentials"
    return _post(app, "/oauth/token", client_id, secret, grant_type=grant_type, audience=audience)


def _same_client(secret: str, app: Flask) -> Requests:
    return itertools.repeat(_token_request(app, "payroll-report", secret, INVOICES))


def _other_clients(secret: str, app: Flask) -> Requests:
    numbers = (number * 7 for number in itertools.count())
    return (_token_request(app, f"bench-{number}", secret, STACK.timesheets_api) for number in numbers)


def _assertions(_: str, app: Flask) -> Requests:
    while True:
        body = urllib.parse.urlencode(refusals.signed_form(STACK)).encode()
        yield call(app, "POST", "/oauth/token", FORM, body)


def _introspections(secret: str, app: Flask) -> Requests:
    token = _token(app, secret)
    return itertools.repeat(_post(app, "/oauth/introspect", "payroll-report", secret, token=token))


def _revocations(secret: str, app: Flask) -> Requests:
    while True:
        yield _post(app, "/oauth/revoke", "payroll-report", secret, token=_token(app, secret))


def _token(app: Flask, secret: str) -> str:
    form = {"grant_type": "client_credentials", "audience": INVOICES}
    answer = app.test_client().post("/oauth/token", data=form, auth=("payroll-report", secret))
    return str(answer.get_json()["access_token"])
