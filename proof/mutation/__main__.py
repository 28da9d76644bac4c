"""Mutate the modules that must not be wrong: `make mutate`, or `make mutate MODULE=grant` for one of them.

It prints the score of each, and exits with 1 if one is below 95 % or has a survivor that nobody explained.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from proof.mutation.modules import MODULES, Module
from proof.mutation.survivors import known
from proof.mutation.workplace import CHECKOUT, forget, prepare

WORK = CHECKOUT / ".mutation"
TOOLS = WORK / "tools"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
LEAST = 95.0  # per cent
NOTICED = ("killed", "timeout", "suspicious", "segfault")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TOOLS)}
RUN = "from mutmut.__main__ import cli; cli()"


def install() -> None:
    """Install mutmut beside the virtual environment, unless it is there in this version."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = TOOLS / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--target", TOOLS, "--requirement", REQUIREMENTS], check=True)
    stamp.write_text(wanted)


def mutated(name: str, module: Module) -> list[dict[str, Any]]:
    """Run mutmut on a module and return its results; raise CalledProcessError if it fails."""
    folder = WORK / name
    if folder.exists():
        survivors = [result for result in results_in(folder) if not is_noticed(result)]
        forget(folder, {each["key"] for each in survivors if described(each) not in known(name)})
    prepare(folder, module)
    python = [sys.executable, "-c", RUN, "run", "--max-children", os.environ.get("CHILDREN") or "1"]
    with (WORK / f"{name}.log").open("w") as log:
        subprocess.run(python, cwd=folder, env=ENVIRONMENT, stdout=log, stderr=log, check=True)
    return results_in(folder)


def results_in(folder: Path) -> list[dict[str, Any]]:
    """Return what is known of each mutant in a folder."""
    results = [sys.executable, str(Path(__file__).with_name("results.py"))]
    printed = subprocess.check_output(results, cwd=folder, env=ENVIRONMENT, text=True)
    return [json.loads(line) for line in printed.splitlines()]


def is_noticed(result: dict[str, Any]) -> bool:
    """Return whether the tests notice a mutant."""
    return result["status"] in NOTICED


def described(result: dict[str, Any]) -> str:
    """Return the line by which a survivor is known; what became of the mutant, if it was not tried."""
    return f"{result['place']}: {result['line'] or result['status']}"


def judged(name: str, results: list[dict[str, Any]]) -> bool:
    """Print the score of a module and what is wrong with it; return whether nothing is."""
    noticed = sum(map(is_noticed, results))
    score = 100 * noticed / max(1, len(results))
    survivors = {described(result) for result in results if not is_noticed(result)}
    explained = known(name)
    print(f"{name:16} {len(results):6} mutants {noticed:6} noticed {score:6.1f} %", end=" ")
    print(f"{len(survivors & explained.keys()):4} explained")
    for survivor in sorted(survivors - explained.keys()):
        print(f"  nobody has explained {survivor}")
    for survivor in sorted(explained.keys() - survivors):
        print(f"  explained, but noticed now: {survivor}")
    return score >= LEAST and survivors == explained.keys()


def main() -> int:
    """Mutate the module that MODULE names, or all of them."""
    chosen = os.environ.get("MODULE") or ""
    if chosen and chosen not in MODULES:
        print(f"MODULE must be one of {', '.join(MODULES)}, not {chosen}.", file=sys.stderr)
        return 2
    WORK.mkdir(exist_ok=True)
    install()
    fine = True
    for name in [chosen] if chosen else list(MODULES):
        began = time.monotonic()
        fine = judged(name, mutated(name, MODULES[name])) and fine
        print(f"  in {(time.monotonic() - began) / 60:.0f} minutes")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
