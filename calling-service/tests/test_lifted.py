"""The two modules that are made to be copied: short, alone, and enough."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from calling_service import bearer_auth, token_source

MODULES = [Path(str(module.__file__)) for module in (token_source, bearer_auth)]
PROGRAM = """
import sys
from pathlib import Path

import requests
from mine.bearer_auth import BearerAuth
from mine.token_source import TokenSource

token_url, api_url, secret_file = sys.argv[1:]
source = TokenSource(
    issuer="https://as.example", client_id="mine", secret_file=Path(secret_file), token_url=token_url
)
with requests.Session() as session, source.session:
    session.auth = BearerAuth(source, api_url=api_url, audience="https://api.example", scopes=["a"])
    for _ in range(2):
        session.get(api_url, timeout=5).raise_for_status()
print(sorted(name for name in sys.modules if name.startswith(("calling_service", "flask", "gunicorn"))))
"""


def test_the_two_modules_work_in_an_empty_project(
    tmp_path: Path, endpoint: Any, api: Any, secret_file: Path
) -> None:
    (tmp_path / "mine").mkdir()
    for module in MODULES:
        shutil.copy(module, tmp_path / "mine")
    command = [sys.executable, "-c", PROGRAM, endpoint.url, api.url, str(secret_file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
    assert (endpoint.calls, len(api.requests)) == (1, 2)


def test_the_two_modules_have_under_250_lines() -> None:
    assert sum(len(module.read_text().splitlines()) for module in MODULES) < 250
