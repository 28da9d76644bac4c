"""What each service of docker-compose.yml is as a local process: its command, settings, files and process id.

It is the same program with the same settings, but for six replacements: the addresses of services and the
address that a service listens on become loopback addresses; `/run/secrets`, `/data`, `/fast` and `/deploy`
become folders of the checkout. SERVER=granian takes the commands from deploy/fast/compose.yml, ANOTHER_SERVER
the settings from deploy/another-server/compose.yml, and OVERLAY those of these services from its compose.yml.
`${NAME:-value}` is read as Docker Compose reads it. Of the user's own variables a service gets only those
that the Compose files name so, and those that every program needs.
Not here: starting and stopping (stack/local.py).
"""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
VARIABLE = re.compile(r"\$\{(\w+):-((?:[^{}]|\$\{[^{}]*\})*)\}")  # the value may contain another
# Everything else could be a setting of a service, of gunicorn, of Flask or of Python.
PASSED_ON = re.compile(
    "PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|TERM|COLUMNS|LINES|NO_COLOR"
)


def _interpolated(text: str) -> str:
    return VARIABLE.sub(lambda variable: os.environ.get(variable[1]) or _interpolated(variable[2]), text)


FAST = ROOT / "deploy/fast"
DECLARED = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
if os.environ.get("SERVER") == "granian":
    for _name, _service in yaml.safe_load((FAST / "compose.yml").read_text())["services"].items():
        DECLARED[_name]["command"] = _service["command"]
if os.environ.get("ANOTHER_SERVER"):
    for _name, _service in yaml.safe_load((ROOT / "deploy/another-server/compose.yml").read_text())[
        "services"
    ].items():
        DECLARED[_name]["environment"] |= _service.get("environment", {})
        DECLARED[_name]["profiles"] = _service.get("profiles", [])  # with one, it is not started
if os.environ.get("OVERLAY"):
    _overlay = yaml.safe_load((ROOT / "deploy" / os.environ["OVERLAY"] / "compose.yml").read_text())
    for _name in DECLARED.keys() & _overlay["services"].keys():
        DECLARED[_name]["environment"] |= _overlay["services"][_name].get("environment", {})
PUBLISHED = {name: _interpolated(service["ports"][0]).split(":") for name, service in DECLARED.items()}
INSIDE = {name: int(port) for name, (_, _, port) in PUBLISHED.items()}
PORTS = {name: int(port) for name, (_, port, _) in PUBLISHED.items()}
# The ports tell the stacks of one checkout apart (stack/stack).
STATE = ROOT / ".local"
if PORTS != INSIDE:
    STATE = ROOT / f".local-{'-'.join(map(str, PORTS.values()))}"


@dataclass(frozen=True, slots=True)
class Service:
    """One service of the Compose file, as a process to start."""

    name: str
    command: tuple[str, ...]
    settings: dict[str, str]
    port: int

    @property
    def folder(self) -> Path:
        """Return the folder that the process starts in."""
        return ROOT / self.name

    @property
    def data(self) -> Path:
        """Return the folder of what the service stores."""
        return STATE / self.name

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables of the process: those that every program needs, and the service's settings."""
        passed_on = {name: value for name, value in os.environ.items() if PASSED_ON.fullmatch(name)}
        return passed_on | self.settings

    @property
    def port_setting(self) -> str:
        """Return the name of the variable that changes the port."""
        return _port_setting(self.name)

    @property
    def pid_file(self) -> Path:
        """Return the file with the process id of the server's master and the fingerprint of what it runs."""
        return STATE / "run" / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        """Return the file with everything that the service printed."""
        return STATE / "run" / f"{self.name}.log"

    def fingerprint(self) -> str:
        """Return a digest of everything that the process is made of; a change of it means a restart."""
        digest = hashlib.sha256(repr((self.command, sorted(self.settings.items()))).encode())
        for path in sorted(self.folder.rglob("*.*")):
            if (
                path.is_file()
                and path.relative_to(self.folder).parts[0] not in ("tests", "inbox")
                and path.suffix != ".pyc"
            ):
                digest.update(path.read_bytes())
        return digest.hexdigest()

    def pid(self) -> int | None:
        """Return the process id of the running master; None if it has ended, also if its id is reused."""
        try:
            pid = int(self.pid_file.read_text().split()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return None
        if self.command[-1] in _command_line(pid):  # the app, whichever server it is started with
            return pid
        return None

    def is_current(self) -> bool:
        """Return whether the running process matches the checkout."""
        return self.pid() is not None and self.pid_file.read_text().split()[1:] == [self.fingerprint()]


def _command_line(pid: int) -> str:
    """Return the command line of a process; an empty text if there is no such process."""
    if not Path("/proc/self/cmdline").exists():
        try:
            shown = subprocess.check_output(["ps", "-A", "-ww", "-o", "pid=,command="], text=True)
        except FileNotFoundError:
            sys.exit("ps is not in PATH. Add its folder: ps tells whether a service runs.")
        return "".join(line for line in shown.splitlines() if line.split()[0] == str(pid))
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def services() -> list[Service]:
    """Return the services of the Compose file, in the order in which to start them."""
    return [
        Service(
            name,
            tuple(word.replace("/fast/", f"{FAST}/") for word in service["command"]),
            {
                key: _localised(_interpolated(str(value)), name)
                for key, value in service["environment"].items()
            },
            PORTS[name],
        )
        for name, service in DECLARED.items()
        if not service.get("profiles")
    ]


def _port_setting(name: str) -> str:
    return name.upper().replace("-", "_") + "_PORT"


def _localised(value: str, name: str) -> str:
    for other, port in PORTS.items():
        value = value.replace(f"http://{other}:{INSIDE[other]}", f"http://127.0.0.1:{port}")
    value = value.replace(f"0.0.0.0:{INSIDE[name]}", f"127.0.0.1:{PORTS[name]}")
    folders = {"/run/secrets": ROOT / ".secrets" / name, "/data": STATE / name, "/deploy": ROOT / "deploy"}
    # In one pass: the path of the checkout may itself contain /data.
    return re.sub("|".join(folders), lambda found: str(folders[found[0]]), value)
