"""The modules made to be copied work in a project that has nothing else of ours."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1] / "protected_api"
APP = """
import importlib.util
import sys
from flask import Flask
from lifted.resource_server import protect, require_scope

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


def modules(name: str) -> set[str]:
    """Return the module of that name and what it imports of ours, at any remove."""
    imported = re.findall(r"^from \.(\w+) import", (PACKAGE / f"{name}.py").read_text(), re.MULTILINE)
    return {name}.union(*map(modules, imported))


def test_protects_an_empty_app_with_one_import_and_four_settings(issuer: Any, tmp_path: Path) -> None:
    (tmp_path / "lifted").mkdir()
    for name in modules("resource_server"):
        (tmp_path / f"lifted/{name}.py").write_text((PACKAGE / f"{name}.py").read_text())
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


def test_copies_nothing_of_the_service_itself() -> None:
    assert modules("resource_server") == {
        *("resource_server", "authorization", "access_token", "strict_formats", "remembered_tokens"),
        *("issuer_keys", "issuer_documents", "jwk_set", "json_over_http"),
    }


def test_the_gate_and_the_checks_are_less_than_300_lines() -> None:
    both = ("authorization.py", "access_token.py")
    assert sum(len((PACKAGE / name).read_text().splitlines()) for name in both) < 300
