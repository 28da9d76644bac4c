"""The stack under load: its addresses, its secrets as they are now, and the tokens that the callers share."""

import http.client
import json
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urlencode

from live_stack import Stack

FORM = "application/x-www-form-urlencoded"
TIMEOUT = 15.0  # seconds for an answer
KEEP = 60.0  # seconds for which callers share a token


@dataclass(frozen=True, slots=True)
class Request:
    """What to send to which service."""

    service: str
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: str

    def member(self, name: str) -> object:
        """Return a member of the JSON object that the body is; None without one."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return None
        return document.get(name) if isinstance(document, dict) else None


class Connections:
    """One kept connection to each service, for one thread."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._open: dict[str, http.client.HTTPConnection] = {}

    def send(self, request: Request) -> Answer:
        """Return the answer; raise OSError or HTTPException if there is none.

        A kept connection may have been closed meanwhile: then it is sent once more on a new one.
        """
        kept = request.service in self._open
        try:
            return self._send(request)
        except ConnectionError:
            if not kept:
                raise
            return self._send(request)

    def _send(self, request: Request) -> Answer:
        connection = self._open.get(request.service)
        if connection is None:
            port = self._stack.ports[request.service]
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
            self._open[request.service] = connection
        try:
            connection.request(request.method, request.path, request.body.encode(), dict(request.headers))
            response = connection.getresponse()
            answer = Answer(response.status, response.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException):
            self.drop(request.service)
            raise
        if response.will_close:
            self.drop(request.service)
        return answer

    def drop(self, service: str) -> None:
        """Close the connection to a service."""
        connection = self._open.pop(service, None)
        if connection is not None:
            connection.close()


class Target:
    """Makes requests that are good at this moment."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._tokens: dict[tuple[str, str], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def basic(self, client: str, secret: str | None = None) -> dict[str, str]:
        """Return the headers that authenticate a client (RFC 6749 2.3.1)."""
        pair = f"{quote_plus(client)}:{quote_plus(secret or self.stack.secret(client))}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}", "Content-Type": FORM}

    def token_request(self, client: str, secret: str | None = None, **form: str) -> Request:
        """Return a request for a token of the Timesheets API, unless the form says otherwise."""
        fields = {"grant_type": "client_credentials", "audience": self.stack.timesheets_api, **form}
        return Request("auth-server", "POST", "/oauth/token", self.basic(client, secret), urlencode(fields))

    def about_token(self, path: str, client: str, token: str) -> Request:
        """Return a request to introspect or revoke a token."""
        return Request("auth-server", "POST", path, self.basic(client), urlencode({"token": token}))

    def token(self, connections: Connections, client: str, scope: str, **form: str) -> str:
        """Return a token, for KEEP seconds the same one; raise OSError if there is none."""
        name = (client, scope)
        with self._lock:
            value, until = self._tokens.get(name, ("", 0.0))
        if time.monotonic() < until:
            return value
        value = self.new_token(connections, client, scope=scope, **form)
        with self._lock:
            self._tokens[name] = (value, time.monotonic() + KEEP)
        return value

    def new_token(self, connections: Connections, client: str, **form: str) -> str:
        """Return a token of its own; raise OSError if there is none."""
        answer = connections.send(self.token_request(client, **form))
        token = answer.member("access_token")
        if not isinstance(token, str):
            raise OSError(f"no token: {answer.status} {answer.body}")
        return token

    def api(self, method: str, path: str, token: str, document: object = None) -> Request:
        """Return a call of the Timesheets API."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = "" if document is None else json.dumps(document)
        return Request("protected-api", method, path, headers, body)
