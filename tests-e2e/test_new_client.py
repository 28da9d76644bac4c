"""`make client` makes a secret and its digest, lets nobody else read the secret, and overwrites nothing."""

import base64
import hashlib
import os
import re
import shutil
import stat
from pathlib import Path

import pytest
import requests
import yaml
from live_stack import Stack

pytestmark = pytest.mark.long
DIGESTS = ".secrets/auth-server"


@pytest.fixture
def fresh(tmp_path: Path) -> Stack:
    """Return a copy in which nothing was started, without a virtual environment and without Docker."""
    stack = Stack(tmp_path / "checkout")
    stack.environment |= {"VENV": "/no/such/folder", "DOCKER_HOST": "unix:///no/such/engine"}
    return stack


def made(stack: Stack) -> set[str]:
    return {path.name for path in stack.folder.glob(f"{DIGESTS}/*")}


def test_prints_the_secret_once_and_the_lines_for_the_tenant_file(fresh: Stack) -> None:
    shown = fresh.make("client", "NAME=nightly-report")
    (secret,) = re.findall(r"^[A-Za-z0-9_-]{43}$", shown, re.MULTILINE)
    digest = fresh.folder / DIGESTS / "nightly-report.sha256"
    assert digest.read_text() == hashlib.sha256(secret.encode()).hexdigest() + "\n"
    assert stat.S_IMODE(digest.parent.parent.stat().st_mode) == 0o700
    everything = [path for path in fresh.folder.rglob("*") if path.is_file()]
    assert not [path for path in everything if secret.encode() in path.read_bytes()]
    clients, grants = (yaml.safe_load(lines) for lines in re.findall(r"^(?: +.*\n)+", shown, re.MULTILINE))
    assert clients == [
        {
            "client_id": "nightly-report",
            "name": "nightly-report",
            "secret_digest_files": ["nightly-report.sha256"],
        }
    ]
    assert grants[0]["client"] == "nightly-report"


def test_writes_the_secret_to_a_file_that_only_its_owner_can_read(fresh: Stack) -> None:
    file = fresh.folder / "a folder" / "it's $HOME"
    file.parent.mkdir()
    shown = fresh.run("make", "client", "NAME=other", f"FILE={file}")
    assert shown.returncode == 0, shown.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() not in shown.stdout
    digest = (fresh.folder / DIGESTS / "other.sha256").read_text().strip()
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_no_program_gets_the_secret_as_an_argument(fresh: Stack, tmp_path: Path) -> None:
    log = tmp_path / "arguments"
    (tmp_path / "bin").mkdir()
    programs = set(re.findall(r"[a-z0-9]+", (fresh.folder / "stack/secret_files").read_text()))
    programs |= set(re.findall(r"[a-z0-9]+", (fresh.folder / "stack/client").read_text()))
    wrapped = {name: path for name in programs if (path := shutil.which(name))}
    assert wrapped.keys() >= {"sha256sum", "cut", "tr", "mktemp", "cat"}
    for name, path in wrapped.items():
        wrapper = tmp_path / "bin" / name
        wrapper.write_text(f'#!{shutil.which("bash")}\necho {name} "$@" >>{log}\nexec {path} "$@"\n')
        wrapper.chmod(0o755)
    path = f"{tmp_path}/bin{os.pathsep}{os.environ['PATH']}"
    shown = fresh.make("client", "NAME=nightly-report", PATH=path)
    (secret,) = re.findall(r"^[A-Za-z0-9_-]{43}$", shown, re.MULTILINE)
    assert "sha256sum" in log.read_text()
    assert secret not in log.read_text()


def test_rotating_makes_a_second_secret_and_then_takes_the_name_that_is_free(fresh: Stack) -> None:
    fresh.make("client", "NAME=a.b_c-1")
    shown = fresh.make("client", "NAME=a.b_c-1", "ROTATE=1")
    assert "secret_digest_files: [a.b_c-1.sha256, a.b_c-1.next.sha256]" in shown
    refused = fresh.run("make", "client", "NAME=a.b_c-1", "ROTATE=1")
    assert refused.returncode != 0
    assert "a.b_c-1 has two secrets, the most that a client can have." in refused.stderr
    (fresh.folder / DIGESTS / "a.b_c-1.sha256").unlink()
    shown = fresh.make("client", "NAME=a.b_c-1", "ROTATE=1")
    assert "secret_digest_files: [a.b_c-1.next.sha256, a.b_c-1.sha256]" in shown
    assert made(fresh) == {"a.b_c-1.sha256", "a.b_c-1.next.sha256"}


REFUSED = {
    "no name": ((), "NAME is missing"),
    "path": (("NAME=../other",), "Use letters, digits"),
    "blank": (("NAME=a b",), "Use letters, digits"),
    "shell": (("NAME=a;touch x",), "Use letters, digits"),
    "variable": (("NAME=a$b",), "Use letters, digits"),
    "quote": (("NAME=a'b",), "Use letters, digits"),
    "umlaut": (("NAME=bür",), "Use letters, digits"),
    "option": (("NAME=-x",), "Use letters, digits"),
    "hidden file": (("NAME=.x",), "Use letters, digits"),
    "second secret of another": (("NAME=other.next",), "not '.next' at the end"),
    "long": ((f"NAME={'a' * 129}",), "Use at most 128"),
    "client of the sample": (("NAME=payroll-report",), "is a client of the sample"),
    "existing": (("NAME=here",), "has a secret already"),
    "existing file": (("NAME=new", "FILE=README.md"), "README.md exists"),
    "dangling link": (("NAME=new", "FILE=link"), "link exists"),
    "no such folder": (("NAME=new", "FILE=none/secret"), "none/secret cannot be written"),
    "nothing to rotate": (("NAME=new", "ROTATE=1"), "has no secret yet"),
    "odd rotate": (("NAME=here", "ROTATE=yes"), "ROTATE is 'yes'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_what_would_overwrite_or_cannot_be_a_file(fresh: Stack, case: str) -> None:
    arguments, message = REFUSED[case]
    fresh.make("client", "NAME=here")
    (fresh.folder / "link").symlink_to("nowhere")
    before = {path: path.read_bytes() for path in fresh.folder.rglob("*") if path.is_file()}
    refused = fresh.run("make", "client", *arguments)
    assert refused.returncode != 0
    assert message in refused.stderr
    assert {path: path.read_bytes() for path in fresh.folder.rglob("*") if path.is_file()} == before


def test_the_secret_authenticates_with_and_without_form_encoding(stack: Stack) -> None:
    name = f"client-{os.getpid()}"
    shown = stack.make("client", f"NAME={name}")
    (secret,) = re.findall(r"^[A-Za-z0-9_-]{43}$", shown, re.MULTILINE)
    client, grant = re.findall(r"^(?:  .*\n)+", shown, re.MULTILINE)
    tenant = stack.folder / "auth-server/tenant.yaml"
    before = tenant.read_text()
    try:
        stack.edit("auth-server/tenant.yaml", "\nclients:\n", f"\nclients:\n{client}\n")
        stack.edit("auth-server/tenant.yaml", "\ngrants:\n", f"\ngrants:\n{grant}\n")
        stack.make("up")
        assert stack.ask_for_token(name, secret=secret).ok
        raw = base64.b64encode(f"{name}:{secret}".encode()).decode()
        answer = requests.post(
            f"{stack.url['auth-server']}/oauth/token",
            {"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {raw}"},
            timeout=10,
        )
        assert answer.ok, answer.text
    finally:
        tenant.write_text(before)
        (stack.folder / DIGESTS / f"{name}.sha256").unlink()
        stack.make("up")
