"""The modules made to be copied work in a project that has nothing else of ours."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "protected_api/resource_server"
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


def test_protects_an_empty_app_with_one_import_and_four_settings(issuer: Any, tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "resource_server")
    tokens = [issuer.token(), issuer.token(aud="x"), issuer.token(scope="other")]
    done = subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, "-c", APP, issuer.url, issuer.jwks_uri, *tokens],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    good, bad, narrow, none = done.stdout.splitlines()
    assert good == "200 import-job"
    assert bad == '401 {"error":"invalid_token","error_description":"The token is for another audience."}'
    assert narrow.startswith('403 {"error":"insufficient_scope",')
    metadata = "http://localhost:9001/.well-known/oauth-protected-resource"
    assert none == f'401 Bearer realm="Mine", resource_metadata="{metadata}"'
    assert issuer.requests == ["/jwks"]


def test_imports_nothing_of_ours_but_its_own_modules() -> None:
    for module in FOLDER.glob("*.py"):
        assert "protected_api" not in module.read_text()


def test_the_gate_and_the_checks_are_less_than_310_lines() -> None:
    both = ("authorization.py", "access_token.py")
    assert sum(len((FOLDER / name).read_text().splitlines()) for name in both) < 310
