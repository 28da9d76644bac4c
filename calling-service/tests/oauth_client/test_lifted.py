"""The two modules that are made to be copied: short, alone, and enough."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from calling_service.oauth_client import bearer_auth, token_source
from werkzeug.wrappers import Response

MODULES = [Path(str(module.__file__)) for module in (token_source, bearer_auth)]
DOCS = Path(__file__).parents[3] / "docs/import-job.md"
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", DOCS.read_text(), re.DOTALL | re.MULTILINE)
LOADED = """
import sys
print(sorted({"calling_service", "flask", "gunicorn", "jwt"} & set(sys.modules)))
"""


def test_the_folder_works_in_an_empty_project_as_the_docs_say(
    tmp_path: Path, endpoint: Any, api: Any, serve: Any
) -> None:
    shutil.copytree(MODULES[0].parent, tmp_path / "oauth_client")
    (tmp_path / "secret").write_text(endpoint.secret)
    issuer: str = serve(lambda _: Response(json.dumps({"issuer": issuer, "token_endpoint": endpoint.url})))
    program = PROGRAM.replace("https://as.example", issuer).replace("https://api.example", api.url)
    command = [sys.executable, "-c", program + LOADED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)
    assert (endpoint.calls, [request.path for request in api.requests]) == (1, ["/timesheets"])
    assert endpoint.requests[0].form["scope"] == "read:timesheets"


def test_the_two_modules_have_under_250_lines() -> None:
    assert sum(len(module.read_text().splitlines()) for module in MODULES) < 250
