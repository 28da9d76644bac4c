"""The folder made to be copied works in a project that has nothing else of ours."""

import ast
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import NoneType
from typing import Any, get_type_hints

import pytest
from flask import Flask, Request
from protected_api.resource_server.access_token import CHECKS, CHECKS_EACH_TIME, Check
from protected_api.resource_server.authorization import require_scope
from protected_api.resource_server.key_set_file import KeySetFile
from protected_api.resource_server.protect import metadata_url, protect
from werkzeug.test import TestResponse, create_environ

FOLDER = Path(__file__).parents[2] / "protected_api/resource_server"
PAGE = Path(__file__).parents[3] / "docs/timesheets-api.md"
APP = """
import importlib.util
import sys
from flask import Flask
from resource_server import protect, require_scope

app = Flask(__name__)
protect(app, issuer=sys.argv[1], audience="http://localhost:9001", realm="Mine", jwks_uri=sys.argv[2])

@app.get("/")
@require_scope("read:timesheets")
def index(token):
    return token.client_id

assert importlib.util.find_spec("protected_api") is None
for token in sys.argv[3:]:
    answer = app.test_client().get("/", headers={"Authorization": f"Bearer {token}"})
    print(answer.status_code, answer.text.strip())
answer = app.test_client().get("/")
print(answer.status_code, answer.headers["WWW-Authenticate"])
"""

DISCOVER = """
import re
from api import app

client = app.test_client()
challenge = client.get("/reports").headers["WWW-Authenticate"]
[url] = re.findall('resource_metadata="https://api.example([^"]*)"', challenge)
print(client.get(url).text)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the copied folder, in an otherwise empty project."""
    return Path(shutil.copytree(FOLDER, tmp_path / "resource_server"))


def answers(folder: Path, issuer: Any, *tokens: str) -> list[str]:
    """Return what an app that uses the folder answers to each token, and to no token."""
    done = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", APP, issuer.url, issuer.jwks_uri, *tokens],
        cwd=folder.parent,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_protects_an_empty_app_with_one_import_and_four_settings(issuer: Any, folder: Path) -> None:
    tokens = [issuer.token(), issuer.token(aud="x"), issuer.token(scope="other")]
    good, bad, narrow, none = answers(folder, issuer, *tokens)
    assert good == "200 import-job"
    assert bad == '401 {"error":"invalid_token","error_description":"The token is for another audience."}'
    assert narrow.startswith('403 {"error":"insufficient_scope",')
    metadata = "http://localhost:9001/.well-known/oauth-protected-resource"
    assert none == f'401 Bearer realm="Mine", scope="read:timesheets", resource_metadata="{metadata}"'
    assert issuer.requests == ["/jwks"]


def test_needs_no_introspection_no_file_of_the_keys_and_no_profiles(issuer: Any, folder: Path) -> None:
    """The docs say of these modules that they may be left out."""
    for module in ("introspection", "key_set_file", "token_profiles", "relaxed_checks", "opaque_tokens"):
        (folder / f"{module}.py").unlink()
    assert answers(folder, issuer, issuer.token())[0] == "200 import-job"


def test_takes_a_check_of_your_own(issuer: Any, folder: Path) -> None:
    """The check is the one in the docs, at the place that CHECKS names."""
    [check] = re.findall(r"```python\n(def client\(.*?)```", PAGE.read_text(), re.DOTALL)
    file = folder / "access_token.py"
    text = file.read_text().replace("# A check raises", f"{check}\n\n# A check raises")
    file.write_text(text.replace("times, required_claims,", "times, required_claims, client,"))
    served, refused, _ = answers(
        folder, issuer, issuer.token(client_id="timesheets-import-job"), issuer.token()
    )
    assert served == "200 timesheets-import-job"
    assert refused.startswith('401 {"error":"invalid_token","error_description":"The token was issued to')


ONCE = """
SEEN = []


def once(token: AccessToken, _: Policy) -> None:
    SEEN.append(token)
    if len(SEEN) > 1:
        raise RefusalError("The check has changed its mind.")
"""


@pytest.mark.parametrize(
    ("where", "second"),
    [
        (["times, required_claims,"], "200 import-job"),
        (
            ["times, required_claims,", "= (times,"],
            '401 {"error":"invalid_token","error_description":"The check has changed its mind."}',
        ),
    ],
)
def test_makes_a_check_again_for_a_remembered_token_if_it_is_one_of_each_time(
    issuer: Any, folder: Path, where: list[str], second: str
) -> None:
    file = folder / "access_token.py"
    text = file.read_text().replace("# A check raises", f"{ONCE}\n\n# A check raises")
    for place in where:
        assert text.count(place) == 1
        text = text.replace(place, f"{place} once,")
    file.write_text(text)
    token = issuer.token()
    assert answers(folder, issuer, token, token)[:2] == ["200 import-job", second]


@pytest.mark.parametrize("check", [*CHECKS, *CHECKS_EACH_TIME])
def test_a_check_returns_nothing_because_only_what_it_raises_counts(check: Check) -> None:
    assert get_type_hints(check)["return"] is NoneType


@pytest.mark.requirement("RFC 9728 5.1 challenge")
def test_serves_the_metadata_that_its_challenge_names(folder: Path) -> None:
    """The app is the one in the docs, put together from their blocks."""
    section = PAGE.read_text().partition("\n## Copy this folder\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    (folder.parent / "api.py").write_text(
        "\n".join(["from flask import Flask\n\napp = Flask(__name__)", *blocks])
    )
    done = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", DISCOVER],
        cwd=folder.parent,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        "resource": "https://api.example",
        "authorization_servers": ["https://auth.example"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["read:reports"],
    }


def test_imports_nothing_of_ours_but_its_own_modules() -> None:
    for module in FOLDER.glob("*.py"):
        assert "protected_api" not in module.read_text()


def test_needs_only_flask_and_pyjwt() -> None:
    installed = {"flask", "jwt", "werkzeug"}  # Flask brings Werkzeug
    for module in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                package = str(node.module).partition(".")[0]
                assert package in installed | sys.stdlib_module_names, f"{module.name} imports {package}"


def test_authorization_and_the_checks_stay_short() -> None:
    """With room for a few checks of your own."""
    both = ("authorization.py", "access_token.py")
    assert sum(len((FOLDER / name).read_text().splitlines()) for name in both) < 340


@pytest.mark.parametrize(
    ("audience", "url"),
    [
        ("http://localhost:9001", "http://localhost:9001/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/v1/X", "https://api.example/.well-known/oauth-protected-resource/v1/X"),
    ],
)
def test_finds_the_metadata_of_a_resource(audience: str, url: str) -> None:
    assert metadata_url(audience) == url


def test_an_app_that_sets_no_more_than_it_must_has_these_times_and_limits(issuer: Any) -> None:
    app = Flask(__name__)
    keys = protect(
        app, issuer=issuer.url, audience="http://localhost:9001", realm="R", jwks_uri=issuer.jwks_uri
    )
    app.get("/")(require_scope("read:timesheets")(lambda _: "served"))

    def read(token: str) -> TestResponse:
        return app.test_client().get("/", headers={"Authorization": f"Bearer {token}"})

    assert (keys.soft_ttl, keys.hard_ttl, keys.cooldown) == (300, 86400, 30)
    expired = [read(issuer.token(exp=time.time() - seconds)).status_code for seconds in (50, 60)]
    assert expired == [200, 401]
    shorter = issuer.token(x="")
    longest = issuer.token(x="x" * ((4096 - len(shorter)) * 3 // 4))
    assert 4094 <= len(longest) <= 4096
    assert read(longest).status_code == 200
    description = read("x" * 4097).get_json()["error_description"]
    assert description == "The token is longer than 4096 characters."
    remembered = app.extensions["authorization"].verify.__self__
    assert (remembered._limit, len(remembered._tokens)) == (1024, 2)


def test_an_app_has_the_times_and_limits_that_it_sets(issuer: Any, tmp_path: Path) -> None:
    app = Flask(__name__)
    file = KeySetFile(tmp_path / "keys.json", issuer.url, None)
    times: dict[str, Any] = {"soft_ttl": 1, "hard_ttl": 2, "cooldown": 3, "clock_skew": 4}
    keys = protect(
        app,
        issuer=issuer.url,
        audience="http://localhost:9001",
        realm="R",
        **times,
        max_token_length=5,
        remembered=6,
        keys_file=file,
    )
    assert (keys.soft_ttl, keys.hard_ttl, keys.cooldown, keys.file) == (1, 2, 3, file)
    remembered = app.extensions["authorization"].verify.__self__
    policy = remembered._policy
    assert (policy.clock_skew, policy.max_length, remembered._limit) == (4, 5, 6)


def test_asks_nobody_about_a_token_and_demands_no_key_unless_told_to(issuer: Any) -> None:
    app = Flask(__name__)
    protect(
        app,
        issuer=issuer.url,
        audience="http://localhost:9001",
        realm="R",
        jwks_uri=issuer.jwks_uri,
        active=lambda _: pytest.fail("the authorization server was asked"),
    )
    request = Request(create_environ(headers={"Authorization": f"Bearer {issuer.token()}"}))
    token = app.extensions["authorization"].authorize(request, "read:timesheets")
    assert "read:timesheets" in token.scope
