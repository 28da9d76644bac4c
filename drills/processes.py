"""Processes and their listening sockets, from /proc (Linux)."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LISTENING = "0A"  # the state in /proc/net/tcp


def children(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def below(pid: int) -> Iterator[int]:
    """Yield the ids of all processes that a process and those below it have started."""
    for child in children(pid):
        yield child
        yield from below(child)


def is_running(pid: int) -> bool:
    """Return whether there is such a process, and it has not ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    return False


def listening_sockets(port: int) -> set[str]:
    """Return the inodes of the sockets that listen on a port."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[9] for line in lines if line[3] == LISTENING and line[1].endswith(f":{port:04X}")}


def holds(pid: int, inodes: set[str]) -> bool:
    """Return whether a process has one of these sockets open."""
    with suppress(FileNotFoundError, ProcessLookupError):
        targets = {f"socket:[{inode}]" for inode in inodes}
        return any(str(file.readlink()) in targets for file in Path(f"/proc/{pid}/fd").iterdir())
    return False
