"""Run the rows of other authorization servers: the job and the API use each of them by settings alone."""

import base64
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from interop.environments import prepare
from interop.rows import FOLDER, Measured, Row, each
from live_stack import Stack, eventually, free_ports

CLIENT = "timesheets-import-job"
SCOPE = "batch:upload"
HOST = "127.0.0.1"
RFC_8414 = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
REQUIRED = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")  # RFC 9068 2.2
SECONDS = 60


def run(rows: list[Row]) -> Measured:
    """Run rows, one after the other; return what each measured."""
    return each(rows, run_row, at_once=1)


def run_row(row: Row) -> dict[str, Any]:
    """Start a server and a stack that uses it; return what it issues, and what became of an import."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "checkout")
        stack.environment["RUNTIME"] = "local"
        try:
            return {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), **_run(row, stack)}
        finally:
            stack.drop()


def _run(row: Row, stack: Stack) -> dict[str, Any]:
    stack.run("stack/secrets", sys.executable, "stack/local.py", "exec", "calling-service")
    secret = stack.secret(CLIENT)
    (stack.folder / ".secrets/calling-service/another-server").write_text(secret)
    (port,) = free_ports(1)
    text = block(row, f"http://{HOST}:{port}")
    settings = dict(line.split("=", 1) for line in text.splitlines())
    with serving(row, _configuration(stack, secret, port), settings["ISSUER"]):
        found = metadata(settings["ISSUER"])
        parameter = {settings.get("AUDIENCE_PARAMETER", "audience"): stack.timesheets_api}
        form = {"grant_type": "client_credentials", "scope": SCOPE, **parameter}
        access_token = eventually(
            lambda: _issued(found["token_endpoint"], form, secret), f"{row.name} issues a token", SECONDS
        )
        return {"metadata": found["at"], **kind(access_token), "import": use(stack, text)}


def _configuration(stack: Stack, secret: str, port: int) -> dict[str, Any]:
    method = {"token_endpoint_auth_method": "client_secret_basic"}
    return {
        "host": HOST,
        "port": port,
        "audience": stack.timesheets_api,
        "scope": SCOPE,
        "client": {"client_id": CLIENT, "client_secret": secret, **method},
        "api": {"client_id": "timesheets-api", "client_secret": stack.secret("timesheets-api")},
        "folder": str(stack.folder.parent),
    }


def _issued(url: str, form: Mapping[str, str], secret: str) -> str | None:
    answer = requests.post(url, data=form, auth=(CLIENT, secret), timeout=30)
    return str(answer.json()["access_token"]) if answer.ok else None


def block(row: Row, origin: str) -> str:
    """Return the lines of another-server.env for a server at this origin."""
    text: str = row.extra["block"]
    return text.replace("{origin}", origin)


def metadata(issuer: str) -> dict[str, Any]:
    """Return the issuer's metadata, and in `at` which of the two documents there are."""
    origin, _, path = issuer.removeprefix("http://").partition("/")
    path = f"/{path}".rstrip("/")
    found = {
        "RFC 8414": requests.get(f"http://{origin}{RFC_8414}{path}", timeout=30),
        "OpenID": requests.get(f"http://{origin}{path}{OPENID}", timeout=30),
    }
    documents = {name: answer.json() for name, answer in found.items() if _is_json(answer)}
    assert documents, f"no metadata of {issuer}"
    assert all(document["issuer"] == issuer for document in documents.values())
    return {**next(iter(documents.values())), "at": " and ".join(documents)}


def _is_json(answer: requests.Response) -> bool:
    return answer.ok and "json" in answer.headers.get("Content-Type", "")


def kind(access_token: str) -> dict[str, str]:
    """Return what kind of token this is, and what it lacks of RFC 9068."""
    parts = access_token.split(".")
    if len(parts) != 3:
        return {"token": "opaque", "lacks": "—"}
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in parts[:2])
    lacks = [f"`{name}`" for name in REQUIRED if name not in claims]
    return {
        "token": f"JWT, `typ` {header.get('typ', 'absent')}, {header['alg']}",
        "lacks": ", ".join(lacks) or "nothing",
    }


def use(stack: Stack, settings: str) -> str:
    """Start the job and the API with these settings; return what became of an import, and of a second one."""
    (stack.folder / "another-server.env").write_text(settings)
    stack.environment["ANOTHER_SERVER"] = "another-server.env"
    done = stack.run("stack/stack", "up")
    assert done.returncode == 0, done.stdout + done.stderr
    first = stack.run_import()
    if first["state"] != "completed":
        status = re.findall(r"the API answered \d+", first["error"]["message"])
        return "".join(status) or str(first["error"])
    again = stack.run_import(resend=True, fresh_token=True)
    return f"{first['booked']} booked, then {again['unchanged']} unchanged"


@contextmanager
def serving(row: Row, configuration: Mapping[str, Any], issuer: str) -> Iterator[None]:
    """Run a row's server until the block ends."""
    variables = {**os.environ, "CONFIGURATION": json.dumps(configuration)}
    with tempfile.TemporaryFile("w+") as log:
        if row.registry == "Debian":
            command = in_container(row, configuration["port"])
        else:
            command = prepare(row).command(FOLDER / row.program)
        server = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        try:
            eventually(lambda: _answers(issuer), f"{row.name} answers", SECONDS)
            yield
        except BaseException:
            log.seek(0)
            print(log.read()[-3000:])  # noqa: T201  (it says why)
            raise
        finally:
            server.terminate()
            server.wait(30)


def _answers(issuer: str) -> bool | None:
    try:
        return bool(metadata(issuer)) or None
    except (OSError, ValueError, AssertionError):
        return None


def in_container(row: Row, port: int) -> list[str]:
    """Build an image with the row's packages of Debian 13; return the command that runs the program in it."""
    install = f"DEBIAN_FRONTEND=noninteractive apt-get install -y {' '.join(row.packages)}"
    recipe = f"FROM python:3.13-slim\nRUN apt-get update && {install}\n"
    image = f"interop-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", image, "-"],
        input=recipe.encode(),
        check=True,
        timeout=900,
        stdout=subprocess.DEVNULL,
    )
    mount = f"{FOLDER / row.program}:/server.py:ro"
    published = f"{HOST}:{port}:{port}"
    return [
        "docker",
        "run",
        "--rm",
        "--init",
        "--env=CONFIGURATION",
        f"--volume={mount}",
        f"--publish={published}",
        image,
        "python3",
        "/server.py",
    ]
