"""A row's configuration, running: its recipe with the ports of this run, on the host or in a container."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from live_stack import CHECKOUT, eventually

from interop.environments import prepare
from interop.rows import FOLDER, Row

IMAGE = "call-my-api-interop-infrastructure"
TEXTS = {"", ".cfg", ".conf", ".config", ".js", ".yaml"}


def build_image() -> None:
    """Build the image of Debian's programs; fast if it is there."""
    _run("docker", "build", "--quiet", "--tag", IMAGE, FOLDER / "infrastructure")


def write_recipe(row: Row, folder: Path, replaced: Mapping[str, str]) -> None:
    """Copy the row's configuration into a folder, with the addresses and secrets of this run."""
    source = (FOLDER / (row.recipe or row.program)).parent
    for file in source.iterdir():
        text = file.read_text()
        for old, new in replaced.items():
            text = text.replace(old, new)
        (folder / file.name).write_text(_for_each_key(text, folder / "keys"))


def _for_each_key(text: str, keys: Path) -> str:
    """Repeat each line with ALG and KID for the exported RSA and EC keys (HAProxy has no EdDSA)."""
    lines = []
    for line in text.splitlines(keepends=True):
        files = sorted(keys.glob("default/[RE]S256/*")) if "KID" in line else []
        written = [line.replace("ALG", file.parent.name).replace("KID", file.name) for file in files]
        lines += written or [line]
    return "".join(lines)


def export_keys(jwks_uri: str, folder: Path) -> None:
    """Write the public keys of a key set into a folder, as the page shows it."""
    _run(sys.executable, FOLDER / "infrastructure/export_keys.py", jwks_uri, folder / "keys")


@contextmanager
def gate(port: int, replaced: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Run the gate on a port, from the folder to copy and its own file alone."""
    text = (FOLDER / "infrastructure/gate.py").read_text()
    for old, new in replaced.items():
        text = text.replace(old, new)
    (folder / "gate.py").write_text(text)
    (folder / "resource_server").symlink_to(CHECKOUT / "protected-api/protected_api/resource_server")
    server = (sys.executable, "-m", "gunicorn", "gate:app", "--threads", "4", "--no-control-socket")
    with _process([*server, "--bind", f"127.0.0.1:{port}"], folder, os.environ):
        yield


@contextmanager
def started(row: Row, folder: Path) -> Iterator[str]:
    """Start a row's program; yield the name of its container, or nothing if it runs on the host."""
    if row.registry == "Debian":
        with _container(row, folder) as name:
            yield name
        return
    environment = prepare(row)
    variables = {**os.environ, "PATH": environment.path, "XDG_DATA_HOME": str(folder)}
    with _process(row.extra["start"], folder, variables):
        yield ""


def versions(row: Row) -> list[str]:
    """Return the packages that run, with their versions."""
    if row.registry != "Debian":
        return row.packages
    shown = _run(
        "docker", "run", "--rm", IMAGE, "dpkg-query", "--show", "-f", "${Package} ${Version}\n", *row.packages
    )
    return shown.splitlines()


@contextmanager
def _container(row: Row, folder: Path) -> Iterator[str]:
    name = f"interop-{uuid.uuid4().hex[:8]}"
    options = ["--volume", f"{folder}:/recipe:ro"]
    for file, inside in row.extra.get("mounts", {}).items():
        options += ["--volume", f"{folder}/{file}:{inside}:ro"]
    for variable, value in row.extra.get("variables", {}).items():
        options += ["--env", f"{variable}={value}"]
    # On the host's network, because all addresses are loopback ones.
    _run(
        "docker", "run", "--detach", "--name", name, "--network", "host", *options, IMAGE, *row.extra["start"]
    )
    try:
        yield name
    except Exception as failure:
        failure.add_note(_logs(name))
        raise
    finally:
        _run("docker", "rm", "--force", name)


def _logs(name: str) -> str:
    done = subprocess.run(("docker", "logs", name), check=False, capture_output=True, text=True)
    return (done.stdout + done.stderr)[-3000:]


@contextmanager
def _process(command: list[str], folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
    try:
        yield
    except Exception as failure:
        failure.add_note((folder / "log").read_text()[-3000:])
        raise
    finally:
        process.terminate()
        process.wait(20)


def wait_until(probe: Callable[[], bool], what: str) -> None:
    """Wait until this is so; fail after a minute."""
    eventually(lambda: probe() or None, what, 60)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
