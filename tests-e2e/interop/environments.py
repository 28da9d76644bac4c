"""An environment for each set of pinned packages: a virtual one, or a folder of npm or Debian packages.

They are kept in INTEROP_CACHE, or in a temporary folder of this user's; rows with the same pins share one.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.rows import Row

PREPARED = ".prepared"


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder with a row's packages, and what runs a program with them."""

    folder: Path

    def command(self, program: Path) -> list[str]:
        """Return the command that runs a program, in a copy for Node, which finds packages only beside it."""
        if program.suffix != ".mjs":
            python = self.folder / "bin/python"
            return [str(python if python.exists() else sys.executable), str(program)]
        copy = self.folder / "programs" / program.name
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(program, copy)
        return ["node", str(copy)]

    @property
    def path(self) -> str:
        """Return PATH with the commands of the packages in front."""
        folders = (f"{self.folder}/{name}" for name in ("bin", "node_modules/.bin", "usr/bin"))
        return ":".join([*folders, os.environ["PATH"]])


def prepare(row: Row) -> Environment:
    """Install a row's packages, unless an environment has them; return it."""
    pins = "\n".join([row.registry, row.as_of, sys.version, *sorted(row.packages)])
    folder = _cache() / hashlib.sha256(pins.encode()).hexdigest()[:16]
    folder.mkdir(exist_ok=True)
    with _only_one(folder):
        if not (folder / PREPARED).exists():
            _install(row, folder)
            (folder / PREPARED).touch()
    return Environment(folder)


def _cache() -> Path:
    folder = Path(os.environ.get("INTEROP_CACHE", f"{tempfile.gettempdir()}/interop-{os.getuid()}"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise SystemExit(f"{folder} belongs to another user. Set INTEROP_CACHE to a folder of yours.")
    return folder


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with (folder / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(row: Row, folder: Path) -> None:
    if row.packages and row.registry in INSTALLERS:  # Docker pulls an image when it is run
        INSTALLERS[row.registry](folder, row)


def _from_pypi(folder: Path, row: Row) -> None:
    uv = Path(sys.executable).with_name("uv")
    _run(folder, uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, folder)
    as_of = ["--exclude-newer", row.as_of] if row.as_of else []
    _run(folder, uv, "pip", "install", "--quiet", "--python", folder, *as_of, *row.packages)


def _from_npm(folder: Path, row: Row) -> None:
    (folder / "package.json").write_text("{}")
    # Without --ignore-scripts, n8n's client has a compiler build a package that it does not use.
    quietly = ("--no-audit", "--no-fund", "--loglevel=error")
    as_of = ["--before", row.as_of] if row.as_of else []
    _run(folder, "npm", "install", "--ignore-scripts", *quietly, *as_of, *row.packages)


def _from_debian(folder: Path, row: Row) -> None:
    _run(folder, "apt-get", "download", "--quiet", *row.packages)
    for package in folder.glob("*.deb"):
        _run(folder, "dpkg-deb", "--extract", package, folder)


INSTALLERS = {"PyPI": _from_pypi, "npm": _from_npm, "Debian": _from_debian}


def _run(folder: Path, *command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900, cwd=folder)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
