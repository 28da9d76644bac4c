"""The folder that is made to be copied: alone, enough, and short."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from calling_service import oauth_client
from werkzeug.wrappers import Response

FOLDER = Path(str(oauth_client.__file__)).parent
MODULES = sorted(FOLDER.glob("*.py"))
NEEDED = {"requests", "urllib3", "jwt", "cryptography"}
DOCS = Path(__file__).parents[3] / "docs/import-job.md"
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)
LOADED = """
import sys
print(sorted({"calling_service", "flask", "gunicorn", "jwt"} & set(sys.modules)))
"""


def run_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(  # noqa: S603  # our own program
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return an empty project with a copy of the folder."""
    shutil.copytree(FOLDER, tmp_path / "oauth_client", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_folder_works_in_an_empty_project_as_the_docs_say(
    project: Path, endpoint: Any, api: Any, serve: Any
) -> None:
    (project / "secret").write_text(endpoint.secret)
    issuer: str = serve(lambda _: Response(json.dumps({"issuer": issuer, "token_endpoint": endpoint.url})))
    program = PROGRAM.replace("https://as.example", issuer).replace("https://api.example", api.url)
    done = run_in(project, "-c", program + LOADED)
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)
    assert (endpoint.calls, [request.path for request in api.requests]) == (1, ["/timesheets"])
    assert endpoint.requests[0].form["scope"] == "read:timesheets"


@pytest.mark.long
def test_the_tests_of_what_real_servers_answer_pass_on_the_copy_alone(project: Path) -> None:
    tests = Path(__file__).with_name("test_real_servers.py").read_text()
    (project / "test_copy.py").write_text(tests.replace("calling_service.oauth_client", "oauth_client"))
    done = run_in(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_copy.py")
    assert done.returncode == 0, done.stdout
    assert "68 passed" in done.stdout


def test_every_module_can_be_imported_in_an_empty_project(project: Path) -> None:
    imports = "".join(f"import oauth_client.{module.stem}\n" for module in MODULES)
    done = run_in(project, "-c", imports.replace(".__init__", ""))
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_imports_nothing_but_its_neighbours_requests_and_pyjwt(module: Path) -> None:
    found = set[str]()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(str(node.module).partition(".")[0])
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            assert all(FOLDER / f"{name}.py" in MODULES for name in names)
    assert found - NEEDED <= sys.stdlib_module_names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_fits_on_two_screens(module: Path) -> None:
    assert len(module.read_text().splitlines()) < 180
