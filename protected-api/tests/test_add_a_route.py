"""The page that tells how to add a route is right: a copy with its changes passes its tests."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recipe import follow

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs/add-a-route.md").read_text()
DESCRIBE = """
from protected_api.app import create_app
from protected_api.settings import Settings

client = create_app(Settings("http://localhost:9000", "http://localhost:9001", "not opened")).test_client()
print(client.get("/openapi.json").text)
print(client.get("/.well-known/oauth-protected-resource").text.strip())
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a copied service that has the page's changes."""
    project = tmp_path_factory.mktemp("project")
    for name in ("protected-api/protected_api", "protected-api/tests"):
        shutil.copytree(PROJECT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("docs/endpoints.md", "auth-server/tenant.yaml"):
        (project / name).parent.mkdir()
        shutil.copy(PROJECT / name, project / name)
    assert follow(PAGE, project) == [
        "protected-api/protected_api/endpoints/summary.py",
        "protected-api/tests/endpoints/test_summary.py",
    ]
    return project / "protected-api"


def run(service: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  (our own interpreter)
        [sys.executable, *arguments],
        cwd=service,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_tests_of_the_changed_service_pass(service: Path) -> None:
    options = ("--import-mode=importlib", "-p", "no:cacheprovider", "-q", "-k", "not as_described")
    endpoints = [f"tests/endpoints/test_{name}.py" for name in ("summary", "metadata", "openapi")]
    done = run(service, "-m", "pytest", *options, *endpoints)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_description_and_the_metadata_have_the_new_scope(service: Path) -> None:
    done = run(service, "-c", DESCRIBE)
    assert done.stderr == ""
    description, metadata = map(json.loads, done.stdout.splitlines())
    described = description["paths"]["/timesheets/summary"]["get"]
    assert described["security"] == [{"client_credentials": ["read:summary"]}]
    assert "Summary" in description["components"]["schemas"]
    assert "read:summary" in metadata["scopes_supported"]


def test_the_tenant_declares_and_grants_the_scope(service: Path) -> None:
    tenant = (service.parent / "auth-server/tenant.yaml").read_text()
    assert tenant.count("read:summary") == 2
