"""The start: bad settings end the process with a message that says what to do."""

import os
import subprocess
import sys
from pathlib import Path

SERVICE = Path(__file__).parents[1]


def start(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import protected_api.wsgi"]
    return subprocess.run(  # noqa: S603  (our own interpreter)
        command,
        cwd=SERVICE,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_prints_all_problems_in_one_message_and_exits() -> None:
    done = start({"ISSUER": "http://localhost:9000", "CLOCK_SKEW": "x"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "protected-api: cannot start, 3 problem(s):\n"
        "  - AUDIENCE: is not set; set it to the URL of this API\n"
        "  - DATABASE_FILE: is not set; set it to a file in a folder that can be written to,"
        " or DATABASE_URL to a PostgreSQL database\n"
        "  - CLOCK_SKEW: is not a whole number of seconds; set it to 0 to 999999999\n"
    )


def test_starts_with_good_settings(tmp_path: Path) -> None:
    environ = {"ISSUER": "http://localhost:9000", "AUDIENCE": "http://localhost:9001"}
    done = start({**environ, "DATABASE_FILE": str(tmp_path / "x.db")})
    assert (done.returncode, done.stderr) == (0, "")
