"""The steps of a case carried out: HTTP requests to the running services, recorded like the job's own.

Not here: the language of the steps (cases.toml), client authentication (client_authentication.py), forged
tokens (forgery.py), what a step is called (step_labels.py).
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any

import requests
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.retry import retry_policy
from calling_service.oauth_client.token_source import TokenSource
from recording.recorder import recorded_session
from recording.story import API, AUTHORIZATION_SERVER, CALLING_SERVICE

from flow_explorer.gallery.case import Ask, Call, CaseStep, Read, Revoke
from flow_explorer.gallery.certificates import ASKS, CALLS, ELSEWHERE, Certificates
from flow_explorer.gallery.client_authentication import Authenticator
from flow_explorer.gallery.forgery import FORGERIES
from flow_explorer.gallery.proofs import PREFIX, Proofs
from flow_explorer.gallery.step_labels import StepLabels
from flow_explorer.servers import Servers

TOKEN_PATH = "/oauth/token"  # noqa: S105  # a path
POLL = 1.0  # seconds between two calls that wait for an answer
POLLS = 15  # after the first call
CLEANER = "timesheets-console"
EMPLOYEE = "gallery"

NO_HEADERS: Mapping[str, str] = MappingProxyType({})

Entry = tuple[str | Decimal, ...]


class StepRunner:
    """Carries out the steps of one case; a step may use the token, assertion or keys of the steps before."""

    def __init__(self, servers: Servers, wait: Callable[[float], bool]) -> None:
        self._servers = servers
        self._wait = wait
        self._authenticator = Authenticator(servers.credentials, servers.issuer)
        self.labels = StepLabels()
        self._server = self._session(AUTHORIZATION_SERVER)
        self._api = self._session(API)
        self._proofs = Proofs()
        self._certificates = Certificates(servers)
        self._token = ""
        self._keys: dict[str, Any] = {}
        self._token_sources: dict[str, TokenSource] = {}  # of the clients that keep their token
        self._sent: set[Entry] = set()

    def close(self) -> None:
        """Close the connections."""
        self._server.close()
        self._api.close()
        self._certificates.close()

    def run(self, step: CaseStep) -> requests.Response:
        """Carry out one step and return the last answer; raise what requests, files and tokens raise."""
        self.labels.begin(step)
        match step:
            case Ask():
                return self._ask(step)
            case Revoke():
                return self._post("/oauth/revoke", {"token": self._token}, step.revoke, step.how)
            case Read():
                return self._read(step.read)
        return self._call(step)

    def clean_up(self) -> None:
        """Delete the entries that the steps have booked, and no other entry of the employee."""
        self.labels.prefix = "To clean up, "
        self.run(Ask(CLEANER)).raise_for_status()
        booked = self.run(Call(f"GET /timesheets?user_id={EMPLOYEE}&limit=500"))
        for timesheet in booked.json()["timesheets"]:
            if _entry(timesheet["client_id"], timesheet) in self._sent:
                self.run(Call(f"DELETE /timesheets/{timesheet['id']}")).raise_for_status()

    def _ask(self, step: Ask) -> requests.Response:
        form = {"grant_type": "client_credentials", "audience": self._servers.audience, **step.parameters}
        for name in step.without:
            del form[name]
        how = step.how
        proof = {}
        if how == "with its secret and a proof":
            how = "with its secret"
            proof = self._proofs.of_token_request(self._servers.issuer.rstrip("/") + TOKEN_PATH)
        if how == ASKS:
            response = self._ask_with_certificate(form | {"client_id": step.ask})
        else:
            response = self._post(TOKEN_PATH, form, step.ask, how, proof)
        self.labels.holder = step.ask
        self._token = ""
        if response.ok:
            self._token = response.json()["access_token"]
        return response

    def _ask_with_certificate(self, form: dict[str, str]) -> requests.Response:
        certificate = self._certificates.of_token_request()
        url = self._certificates.token_url()
        return self._server.post(url, data=form, timeout=self._servers.timeout, **certificate)

    def _post(
        self, path: str, form: dict[str, str], client: str, how: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> requests.Response:
        arguments = self._authenticator.arguments(client, how)
        arguments["data"] = form | arguments.get("data", {})
        url = self._servers.issuer_url + path
        return self._server.post(url, headers=headers, timeout=self._servers.timeout, **arguments)

    def _read(self, path: str) -> requests.Response:
        response = self._server.get(self._servers.issuer_url + path, timeout=self._servers.timeout)
        self._keys = response.json()
        return response

    def _call(self, step: Call) -> requests.Response:
        method, path = step.call.split(" ")
        # Without a certificate, the host that asks for one would end the handshake.
        address = self._servers.audience if step.how == ELSEWHERE else self._servers.api_url
        url = address.rstrip("/") + path
        body = step.body or {}
        self._sent |= {_entry(self.labels.holder, entry) for entry in body.get("entries", ())}
        token = self._presented(step, method, path.partition("?")[0])
        send = partial(self._api.request, method, url, json=step.body, timeout=self._servers.timeout, **token)
        response = send()
        if step.until is None:
            return response
        for _ in range(POLLS):
            if response.status_code == step.until or self._wait(POLL):
                break
            response = send()
        return response

    def _presented(self, step: Call, method: str, path: str) -> dict[str, Any]:
        """Return the token of a call, in the place where the call presents it, as arguments of requests."""
        if step.client:
            return {"auth": self._cached_auth(step.client, step.scope)}
        match step.how:
            case "without a token":
                return {}
            case "with the token in the query string":
                return {"params": {"access_token": self._token}}
            case "with the token":
                token = self._token
            case "with the assertion as token":
                token = self._authenticator.assertion["client_assertion"]
            case certified if certified in CALLS:
                headers = {"Authorization": f"Bearer {self._token}"}
                return {"headers": headers, **self._certificates.of_call(certified)}
            case proof if proof.startswith(PREFIX):
                url = self._servers.audience.rstrip("/") + path  # the public one, which proofs name
                return {"headers": self._proofs.headers(proof, method, url, self._token)}
            case forgery:
                token = FORGERIES[forgery](self._token, self._keys)
        return {"headers": {"Authorization": f"Bearer {token}"}}

    def _cached_auth(self, client: str, scope: str) -> BearerAuth:
        servers = self._servers
        if client not in self._token_sources:
            self._token_sources[client] = TokenSource(
                issuer=servers.issuer,
                client_id=client,
                secret_file=servers.credentials / client,
                token_url=servers.issuer_url + TOKEN_PATH,
                session=self._server,
                timeout=servers.timeout,
            )
        return BearerAuth(
            self._token_sources[client],
            api_url=servers.api_url,
            audience=servers.audience,
            scopes=scope.split(),
        )

    def _session(self, receiver: str) -> requests.Session:
        label = partial(self.labels.label, receiver)
        session = recorded_session(CALLING_SERVICE, receiver, label, retry_policy(0), self._servers.ca_file)
        session.trust_env = False  # a .netrc adds no credential, and no proxy stands between
        return session


def _entry(client: str, values: Mapping[str, Any]) -> Entry:
    """Return what identifies an entry, both as it is sent and as the API shows it."""
    texts = [values[name] for name in ("external_id", "user_id", "date", "project")]
    return client, *texts, Decimal(str(values["hours"]))
