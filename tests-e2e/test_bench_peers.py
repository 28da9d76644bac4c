"""A trial of `make bench-peers`: the table has every row, and no request failed."""

import os
import re
import shutil
import subprocess

import pytest
from live_stack import CHECKOUT

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        os.environ.get("RUNTIME") == "docker", reason="starts local processes in both runtimes"
    ),
]
PROVIDER = "node-oidc-provider"
EXPRESS = "express-oauth2-jwt-bearer"
OURS = ["ours, gunicorn", "ours, granian"]
ROWS = [PROVIDER, *OURS, PROVIDER, *OURS, EXPRESS, *OURS, EXPRESS, *OURS, "gunicorn", "granian"]


@pytest.mark.parametrize("seconds", ["0.3", "1"])
def test_the_table_has_every_row_and_no_request_failed(seconds: str) -> None:
    """Whole seconds are sent by wrk, others by the generator of the benchmark."""
    if shutil.which("npm") is None and "CI" not in os.environ:
        pytest.skip("npm is not installed (with CI set, this is a failure)")
    if seconds == "1" and shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    environment = os.environ | {"ROUNDS": "1", "SECONDS": seconds}
    done = subprocess.run(
        ["make", "bench-peers"],
        check=False,
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = r" \|(?: +[\d.]+){4} \|(?: +[\d.]+){4} \|(?: +[\d.]+){3}$"
    assert re.findall(rf"^  (\S.*?) +{figures}", done.stdout, re.MULTILINE) == ROWS, done.stdout
    assert ("\nwrk " in done.stdout) == (seconds == "1")


def test_without_node_one_sentence_says_what_is_needed() -> None:
    python = f"{os.environ.get('VENV', CHECKOUT / '.venv')}/bin/python"
    environment = {"PATH": "/nowhere", "PYTHONPATH": "tests-e2e:protected-api"}
    done = subprocess.run(
        [python, "-m", "bench.peers"],
        check=False,
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"make bench-peers needs Node 20 .*\n", done.stderr), done.stderr
