"""Start a stack for its keys, and measure each server in a process with its settings."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from live_stack import CHECKOUT, Stack

from bench.scale.comparison import ROUNDS, SCALE, SIZES, say

BYTES = {"clients": 800, "tokens": 400, "timesheets": 500}  # of a row with its indexes, and their making
API = "${TIMESHEETS_API:-http://localhost:9001}"
GRANT = f"client: payroll-report\n    audience: {API}\n    scopes: [read:timesheets"


def run_inside(stack: Stack, service: str, module: str, folder: str, credential: str) -> None:
    """Run a module's `measure` in a service's environment and folder."""
    paths = [str(CHECKOUT), str(CHECKOUT / "tests-e2e"), str(CHECKOUT / "protected-api")]
    program = f"import os, sys; sys.path += {paths!r}; os.environ['SCALE'] = '{SCALE}'"
    program += f"; from bench.scale.{module} import measure; measure({folder!r}, sys.stdin.read())"
    subprocess.run(
        [sys.executable, "stack/local.py", "exec", service, sys.executable, "-c", program],
        check=True,
        cwd=stack.folder,
        env=stack.environment,
        input=credential,
        text=True,
        stdout=subprocess.DEVNULL,  # the log, which costs a system call all the same
    )


def main() -> None:
    """Say what it takes, measure in a temporary folder, remove everything."""
    os.environ["RUNTIME"] = "local"
    with tempfile.TemporaryDirectory() as folder:
        needed = sum(BYTES[name] * rows for size in SIZES.values() for name, rows in size.items())
        free = shutil.disk_usage(folder).free
        say(f"It takes up to {needed / 1e9:.1f} GB of disk in {folder} while it runs; SCALE sets the size.")
        if free < needed * 1.2:
            sys.exit(f"Only {free / 1e9:.1f} GB are free: lower SCALE, or set TMPDIR to a larger disk.")
        for name, rows in SIZES.items():
            say(f"{name}: {rows} rows ('tokens': as many revoked ones, and as many seen assertions)")
        say("The clients stand in the database and in the tenant file: each start makes the two equal.")
        say(f"CPU µs of a request, medians of {ROUNDS} rounds in turns; CPU seconds of a program (s)\n")
        say(f"{'':<62} {'small':>8} {'large':>8} {'ratio':>6}")
        stack = Stack(Path(folder) / "checkout")
        try:
            stack.environment["EXPLAIN"] = "0"
            stack.edit("auth-server/tenant.yaml", GRANT, f"{GRANT}, approve:timesheets, batch:upload")
            stack.make("up")
            run_inside(stack, "protected-api", "protected_api", folder, stack.token("payroll-report"))
            run_inside(stack, "auth-server", "auth_server", folder, stack.secret("payroll-report"))
        finally:
            stack.drop()


if __name__ == "__main__":
    main()
