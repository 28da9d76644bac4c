"""Where a case is played: its steps as HTTP requests to the running services, recorded like the job's own.

Not here: the language of the steps (gallery.toml), how a client proves who it is (proof.py), forged tokens
(forgery.py).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import requests
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.retry import patience
from calling_service.oauth_client.token_source import TokenSource
from calling_service.settings import Settings
from recording.exchange import Step as Shown
from recording.recorder import recorded_session
from recording.story import API, AUTHORIZATION_SERVER, CALLING_SERVICE

from flow_explorer.gallery.case import Ask, Call, Read, Revoke, Step
from flow_explorer.gallery.client_authentication import Prover
from flow_explorer.gallery.forgery import FORGERIES

TOKEN_PATH = "/oauth/token"  # noqa: S105  # a path
POLL, POLLS = 1.0, 15  # seconds between the calls that wait for an answer, and how many follow the first
CLEANER, EMPLOYEE = "timesheets-console", "gallery"

Entry = tuple[str | Decimal, ...]


class Stage:
    """Plays steps one after another; holds what the steps before have brought."""

    def __init__(self, settings: Settings, wait: Callable[[float], bool]) -> None:
        self._settings, self._wait = settings, wait
        self._server, self._api = self._session(AUTHORIZATION_SERVER), self._session(API)
        self._prover = Prover(settings.credential_file.parent, settings.issuer)
        self._client, self._token, self._keys = "Somebody", "", dict[str, Any]()
        self._kept, self._sent = dict[str, TokenSource](), set[Entry]()
        self._step: Step = Read("nothing yet")
        self._number, self._said, self._aside = 0, "", ""

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._api.close()

    def play(self, step: Step) -> requests.Response:
        """Carry out one step and return the last answer; raise what requests, files and tokens raise."""
        self._step, self._said = step, ""
        match step:
            case Ask():
                return self._ask(step)
            case Revoke():
                return self._post("/oauth/revoke", {"token": self._token}, step.revoke, step)
            case Read():
                return self._read(step.read)
        return self._call(step)

    def clean_up(self) -> None:
        """Delete what the steps have booked; whatever else the employee has is somebody's."""
        self._aside = "To clean up, "
        self.play(Ask(CLEANER)).raise_for_status()
        booked = self.play(Call(f"GET /timesheets?user_id={EMPLOYEE}&limit=500"))
        for timesheet in booked.json()["timesheets"]:
            if _entry(timesheet["client_id"], timesheet) in self._sent:
                self.play(Call(f"DELETE /timesheets/{timesheet['id']}")).raise_for_status()

    def _ask(self, step: Ask) -> requests.Response:
        form = {"grant_type": "client_credentials", "audience": self._settings.audience, **step.parameters}
        form = {name: value for name, value in form.items() if name not in step.without}
        response = self._post(TOKEN_PATH, form, step.ask, step)
        self._client, self._token = step.ask, response.json()["access_token"] if response.ok else ""
        return response

    def _post(self, path: str, form: dict[str, str], client: str, step: Ask | Revoke) -> requests.Response:
        sent = self._prover.prove(client, step.how)
        sent["data"] = form | sent.get("data", {})
        return self._server.post(self._settings.issuer_url + path, timeout=self._settings.timeout, **sent)

    def _read(self, path: str) -> requests.Response:
        response = self._server.get(self._settings.issuer_url + path, timeout=self._settings.timeout)
        self._keys = response.json()
        return response

    def _call(self, step: Call) -> requests.Response:
        method, path = step.call.split(" ")
        url, sent = self._settings.api_url.rstrip("/") + path, self._presented(step)
        self._sent |= {_entry(self._client, entry) for entry in (step.body or {}).get("entries", ())}

        def send() -> requests.Response:
            return self._api.request(method, url, json=step.body, timeout=self._settings.timeout, **sent)

        response = send()
        for _ in range(POLLS if step.until else 0):
            if response.status_code == step.until or self._wait(POLL):
                break
            response = send()
        return response

    def _presented(self, step: Call) -> dict[str, Any]:
        """Return how the call presents which token, as arguments of requests."""
        if step.client:
            return {"auth": self._keeping(step.client, step.scope)}
        match step.how:
            case "without a token":
                return {}
            case "with the token in the query string":
                return {"params": {"access_token": self._token}}
            case "with the token":
                token = self._token
            case "with the assertion as token":
                token = self._prover.assertion["client_assertion"]
            case forged:
                token = FORGERIES[forged](self._token, self._keys)
        return {"headers": {"Authorization": f"Bearer {token}"}}

    def _keeping(self, client: str, scope: str) -> BearerAuth:
        settings = self._settings
        source = self._kept[client] = self._kept.get(client) or TokenSource(
            issuer=settings.issuer,
            client_id=client,
            secret_file=settings.credential_file.parent / client,
            token_url=settings.issuer_url + TOKEN_PATH,
            session=self._server,
            timeout=settings.timeout,
        )
        return BearerAuth(source, api_url=settings.api_url, audience=settings.audience, scopes=scope.split())

    def _session(self, receiver: str) -> requests.Session:
        session = recorded_session(CALLING_SERVICE, receiver, partial(self._shown, receiver), patience(0))
        session.trust_env = False  # no .netrc adds a credential, no proxy stands between
        return session

    def _shown(
        self, receiver: str, _request: requests.PreparedRequest, response: requests.Response | None
    ) -> tuple[Shown, ...]:
        status = None if response is None else response.status_code
        said = self._aside + _said(self._step, self._client, receiver, status, kept=not self._said)
        if said != self._said:  # calls that are repeated share their step
            self._number, self._said = self._number + 1, said
        return (Shown(self._number, said, ("request", "response")),)


def _entry(client: str, values: Mapping[str, Any]) -> Entry:
    """Return what makes an entry the same one, as it is sent and as the API shows it."""
    texts = (values[name] for name in ("external_id", "user_id", "date", "project"))
    return client, *texts, Decimal(str(values["hours"]))


def _said(step: Step, holder: str, receiver: str, status: int | None, *, kept: bool) -> str:
    """Say what a step does with its request to the receiver; the holder is the client that has the token.

    `kept`: the request is the step's first, so that a client with a cache has its token from there.
    """
    match step:
        case Ask(ask=client, how=how):
            return f"{client} asks for an access token {how}"
        case Revoke(revoke=client):
            return f"{client} revokes its token"
        case Read():
            return "Anybody may read the authorization server's public keys"
        case Call(client=client) if client:
            if receiver == AUTHORIZATION_SERVER:
                return f"{client} has no token, asks for one and keeps it"
            return f"{client} calls the API with {'the token that it has kept' if kept else 'it'}"
    return f"{holder} calls the API {step.how}" + (", once more" if status and status == step.until else "")
