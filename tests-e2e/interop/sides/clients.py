"""Run the rows of the clients: each at the play, which gives the columns, and at the real stack."""

import datetime
import hashlib
import secrets
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interop.broker import Broker
from interop.client_columns import COLUMNS, renews_by_a_timer
from interop.client_program import ClientProgram
from interop.credentials import certificate, public_keys, write_key
from interop.environments import prepare
from interop.forwarded import SERVICES, Forwarded, recorded_stack
from interop.played import API_PATH, ORIGINS, SCOPE, Played
from interop.recorder import Recorder
from interop.rows import FOLDER, Measured, Row, each
from interop.trial import OK, SECRET, Trial
from live_stack import Stack

TENANT = FOLDER / "sides/clients.yaml"
MORE_SCOPE = "/approvals"  # a route that wants another scope than API_PATH
Certified = tuple[ssl.SSLContext, dict[str, str]]
Recorders = Mapping[bool, Recorder]  # without TLS, and with it


class Rows:
    """Runs rows, with one stack and one certificate for all of them."""

    def __init__(self, secret: str, certified: Certified, recorders: Recorders, forwarded: Forwarded) -> None:
        """Take the secret of the stack's clients, a certificate, and the recorders before the stack."""
        self._secret = secret
        self._tls, self._certified = certified
        self._recorders = recorders
        self._forwarded = forwarded
        self._one_at_a_time = threading.Lock()  # the stack refuses the next token of whoever comes

    def run(self, row: Row) -> dict[str, Any]:
        """Run one row; return its date and what was measured."""
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        with self._one_at_a_time:
            at_the_stack = self._at_the_stack(row)
        return {"date": today, **self._columns(row), **at_the_stack}

    def _columns(self, row: Row) -> dict[str, str]:
        """Return the columns of one row, as the play shows them."""
        played = Played()
        left_out = row.extra.get("left_out", [])
        measures = {name: column for name, column in COLUMNS.items() if name not in left_out}
        if row.extra.get("timer"):
            measures["renews"] = renews_by_a_timer
        tls = self._tls if row.extra.get("https") else None
        with Recorder(ORIGINS, played.answer, tls) as recorder:
            played.url = recorder.url
            variables = {**addresses_of(recorder), **self._certified, "CLIENT_ID": "played"}
            with running(row, variables, SECRET) as program:
                trial = Trial(program, played, recorder)
                return {name: column(trial) for name, column in measures.items()}

    def _at_the_stack(self, row: Row) -> dict[str, str]:
        """Return what became of a call, of one that is refused, of one more, and of one for another scope."""
        recorder = self._recorders[row.extra.get("https", False)]
        usual = "key-client" if "key" in row.extra else "secret-client"
        variables = {**addresses_of(recorder), "AUDIENCE": self._recorders[False].url["api"]}
        variables["CLIENT_ID"] = row.extra.get("client", usual)
        with running(row, {**variables, **self._certified}, self._secret) as program:
            first = program.call()
            assert first == OK, f"{row.name} at the real stack: {first}"
            self._forwarded.spoil_next_token()
            refused = program.call()
            seen = {"stack": " ".join(_status(result) for result in (first, refused, program.call()))}
            if row.extra.get("step_up"):
                program.turn_to(recorder.url["api"] + MORE_SCOPE)
                seen["step_up"] = _status(program.call())
            return seen


@contextmanager
def started(folder: Path) -> Iterator[Rows]:
    """Start what all rows need, in a folder of its own."""
    secret = secrets.token_urlsafe(32)
    certified = certificate(folder)
    stack = Stack(folder / "checkout")
    stack.environment["RUNTIME"] = "local"
    credentials = stack.folder / ".secrets/auth-server"
    credentials.mkdir(parents=True)
    (credentials / "key-client.jwks").write_text(public_keys())
    (credentials / "secret-client.sha256").write_text(hashlib.sha256(secret.encode()).hexdigest())
    try:
        with recorded_stack(stack, TENANT.read_text()) as (recorder, forwarded):
            origins = dict.fromkeys(SERVICES, "localhost")
            with Recorder(origins, forwarded.answer, certified[0]) as secured:
                yield Rows(secret, certified, {False: recorder, True: secured}, forwarded)
    finally:
        stack.drop()


def _status(result: Mapping[str, Any]) -> str:
    return str(result.get("status", "error"))


def run(rows: list[Row]) -> Measured:
    """Run rows; return what each measured."""
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as all_rows:
        return each(rows, all_rows.run)


def addresses_of(recorder: Recorder) -> dict[str, str]:
    """Return the variables that name the addresses of a recorder."""
    return {
        "ISSUER": recorder.url["server"],
        "TOKEN_URL": f"{recorder.url['server']}/oauth/token",
        "API_URL": f"{recorder.url['api']}{API_PATH}",
        "AUDIENCE": recorder.url["api"],
        "SCOPE": SCOPE,
    }


@contextmanager
def running(row: Row, variables: Mapping[str, str], secret: str) -> Iterator[ClientProgram]:
    """Start a row's program, with its credentials in files, and a broker for those that call one."""
    with tempfile.TemporaryDirectory() as folder, Broker(variables["API_URL"]) as broker:
        file = Path(folder) / "secret"
        file.write_text(secret)
        environment = {**variables, "CLIENT_SECRET_FILE": str(file), "KAFKA_BROKER": broker.address}
        if "key" in row.extra:
            environment |= write_key(row.extra["key"], Path(folder))
        environment |= row.extra.get("variables", {})
        with ClientProgram(prepare(row), row.program, environment) as program:
            yield program
