"""The clients of the drills: those with the copied folder oauth_client, and plain ones without it."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import requests
from calling_service.oauth_client.bearer_auth import BearerAuth, InsufficientScopeError
from calling_service.oauth_client.retry import retry_policy
from calling_service.oauth_client.token_source import TokenError, TokenSource
from live_stack import Stack
from requests.adapters import HTTPAdapter
from requests.exceptions import ChunkedEncodingError

from drills.callers import Call, Reason

CONNECTIONS = 32
TIMEOUT = (3.0, 10.0)  # seconds to connect and to read
RETRIES = 3
READER = "payroll-report"
READS = "read:timesheets"
BOOKER = "timesheets-import-job"
BOOKS = "batch:upload"


def token_source(stack: Stack, client_id: str) -> TokenSource:
    """Return the folder's token source, for a client of the sample."""
    return TokenSource(
        issuer=stack.issuer,
        client_id=client_id,
        secret_file=stack.folder / ".secrets/calling-service" / client_id,
        token_url=f"{stack.url['auth-server']}/oauth/token",
        session=session(0),
        timeout=TIMEOUT,
        retries=RETRIES,
    )


class RepeatingSession(requests.Session):
    """A session that also makes a call again if its answer breaks off in the body.

    The retries of the adapter do not cover that, because requests reads the body after them.
    """

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Make a call, which may be made twice."""
        try:
            return super().request(*args, **options)
        except ChunkedEncodingError:
            return super().request(*args, **options)


def session(retries: int) -> requests.Session:
    """Return a session that threads may share; it repeats calls as the job does."""
    made = RepeatingSession() if retries else requests.Session()
    made.trust_env = False
    made.mount("http://", HTTPAdapter(CONNECTIONS, CONNECTIONS, retry_policy(retries, repeatable=True)))
    return made


def with_folder(
    stack: Stack, client_id: str, scope: str, source: TokenSource | None = None, *, retries: int = RETRIES
) -> requests.Session:
    """Return a session as the copied folder makes it: tokens, one retry after 401, repeated calls."""
    made = session(retries)
    made.auth = BearerAuth(
        source or token_source(stack, client_id),
        api_url=stack.url["protected-api"],
        audience=stack.timesheets_api,
        scopes=[scope],
    )
    return made


def reading(stack: Stack, session: requests.Session) -> Call:
    """Return a call that reads one timesheet."""
    url = f"{stack.url['protected-api']}/timesheets?limit=1"
    return lambda: outcome(lambda: session.get(url, timeout=TIMEOUT))


def asking(stack: Stack, source: TokenSource) -> Call:
    """Return a call that gets a new token from a source of the folder, and keeps none."""

    def new_token() -> Reason:
        try:
            source.drop(source.get(stack.timesheets_api, [READS]))
        except TokenError as error:
            return f"{error.status or ''} {error.error}".strip()
        return ""

    return new_token


def outcome(send: Callable[[], requests.Response]) -> Reason:
    """Return why a call was not answered with 200, or nothing."""
    try:
        answer = send()
    except TokenError as error:
        return f"not sent: {error.error}"
    except InsufficientScopeError as error:
        return str(error)
    except requests.RequestException as error:
        return type(error).__name__
    if answer.status_code == 200:
        return ""
    if "invalid_token" in answer.headers.get("WWW-Authenticate", ""):
        return f"{answer.status_code} invalid_token"
    return str(answer.status_code)


class PlainAuth(requests.auth.AuthBase):
    """A client without the folder: it keeps a token until its `exp`, by the clock of its host.

    No call is sent again. With `each_time` it asks for a token before each call. `clock` is Unix time.
    """

    def __init__(
        self,
        stack: Stack,
        client_id: str,
        *,
        each_time: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._stack = stack
        self._client_id = client_id
        self._each_time = each_time
        self._clock = clock
        self._session = session(0)
        self._token = ""
        self._exp = 0.0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Attach a token; raise requests.RequestException if none can be had."""
        request.headers["Authorization"] = f"Bearer {self.token()}"
        return request

    def token(self) -> str:
        """Return the token in use."""
        if self._each_time or self._clock() >= self._exp:
            self._token = self._ask()
            self._exp = claims(self._token)["exp"]
        return self._token

    def _ask(self) -> str:
        answer = self._session.post(
            f"{self._stack.url['auth-server']}/oauth/token",
            auth=(self._client_id, self._stack.secret(self._client_id)),
            data={"grant_type": "client_credentials", "audience": self._stack.timesheets_api},
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        return str(answer.json()["access_token"])


def without_folder(stack: Stack, client_id: str, **options: Any) -> requests.Session:
    """Return a session with a PlainAuth of these options."""
    made = session(0)
    made.auth = PlainAuth(stack, client_id, **options)
    return made


def claims(token: str) -> dict[str, Any]:
    """Return the payload of a token, unverified."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "==="))
    return found
