"""The real stack behind a recorder: each request is written down and passed on, and one token can be spoiled.

The stack's issuer and the identifier of its API are the recorder's addresses, so a client that finds its way
by metadata comes through here as well.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from live_stack import Stack

from interop.played import API_PATH
from interop.recorder import Answer, Recorder, Request

API = "http://localhost:${PROTECTED_API_PORT:-9001}"
ISSUER = "http://localhost:${AUTH_SERVER_PORT:-9000}"
OF_PULSAR = "/admin/v2/"  # a Pulsar client calls no other path
TENANT = "auth-server/tenant.yaml"
SERVICES = {"server": "auth-server", "api": "protected-api"}


class Forwarded:
    """Passes requests on to a stack; after `spoil_next_token`, the next token has another signature there."""

    def __init__(self, stack: Stack) -> None:
        self._url = {origin: stack.url[service] for origin, service in SERVICES.items()}
        self._spoil = False
        self._lock = threading.Lock()

    def spoil_next_token(self) -> None:
        """Let the API refuse the next call that has a token."""
        self._spoil = True

    def answer(self, request: Request) -> Answer:
        """Return what the stack answers."""
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        if request.origin == "api" and request.authorization:
            headers["Authorization"] = self._perhaps_spoiled(request.authorization)
        target = API_PATH if request.target.startswith(OF_PULSAR) else request.target
        url = self._url[request.origin] + target
        answer = requests.request(
            request.method, url, headers=headers, data=request.body, timeout=30, allow_redirects=False
        )
        kept = {name: value for name, value in answer.headers.items() if name.lower() != "content-encoding"}
        return Answer(answer.status_code, kept, answer.content)

    def _perhaps_spoiled(self, authorization: str) -> str:
        with self._lock:
            if not self._spoil:
                return authorization
            self._spoil = False
        message, _, signature = authorization.rpartition(".")
        return f"{message}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@contextmanager
def recorded_stack(stack: Stack, more: str) -> Iterator[tuple[Recorder, Forwarded]]:
    """Start a stack whose addresses are those of a recorder; yield that, and what passes the requests on.

    `more` has the clients and grants that the tenant file gets in addition.
    """
    forwarded = Forwarded(stack)
    with Recorder(dict.fromkeys(SERVICES, "localhost"), forwarded.answer) as recorder:
        clients, grants = more.split("\ngrants:\n")
        stack.edit(TENANT, "\nclients:\n", "\nclients:\n" + clients.partition("\nclients:\n")[2])
        stack.edit(TENANT, "\ngrants:\n", f"\ngrants:\n{grants}\n")
        stack.edit("docker-compose.yml", API, recorder.url["api"])
        stack.edit("docker-compose.yml", ISSUER, recorder.url["server"])
        done = stack.run("stack/stack", "up")
        assert done.returncode == 0, done.stdout + done.stderr
        yield recorder, forwarded
