"""Actions narrow what is granted, and fail closed."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from auth_server.actions.api import Narrowing, api_on
from auth_server.actions.folder import Actions
from auth_server.app import create_app
from auth_server.database.tables import clients
from auth_server.errors import ProtocolError, ServerError
from auth_server.protocol.grant import narrowed
from auth_server.startup import Service
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from sqlalchemy import update
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
LogLines = Callable[[], list[dict[str, Any]]]
Write = Callable[..., None]

URI = "https://exampleco.example/department"
REGISTERED = [
    "iss",
    "exp",
    "aud",
    "sub",
    "client_id",
    "iat",
    "jti",
    "scope",
    "nbf",
    "act",
    "roles",
    "a.b",
    "",
]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes an Action from the lines of its function."""

    def action(*lines: str, name: str = "10-action.py") -> None:
        body = "\n    ".join(lines)
        (tmp_path / "actions" / name).write_text(
            f"def on_execute_credentials_exchange(event, api):\n    {body}\n"
        )

    return action


def claims(response: TestResponse) -> dict[str, Any]:
    payload = jws.extract_compact(response.get_json()["access_token"].encode()).payload
    decoded: dict[str, Any] = json.loads(payload)
    return decoded


def test_adds_a_claim_named_by_a_uri(ask: Ask, write: Write) -> None:
    write(f"value = ['a']; api.access_token.set_custom_claim('{URI}', value); value.append('b')")
    assert claims(ask())[URI] == ["a"]


def test_removes_a_scope_and_says_so(ask: Ask, write: Write) -> None:
    write("api.transaction.remove_target_scope('write'); api.transaction.remove_target_scope('admin')")
    response = ask()
    assert response.get_json()["scope"] == claims(response)["scope"] == "read"


def test_refuses_when_no_scope_is_left(ask: Ask, write: Write) -> None:
    write("for scope in event.transaction.requested_scopes: api.transaction.remove_target_scope(scope)")
    response = ask()
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_scope",
        "error_description": "None of the scopes is granted now.",
    }


@pytest.mark.parametrize("code", ["invalid_request", "invalid_scope", "unauthorized_client"])
def test_denies_with_its_reason_and_runs_no_further(ask: Ask, write: Write, code: str) -> None:
    write(f"api.access.deny('{code}', 'Not today.')")
    write("raise RuntimeError", name="20-after.py")
    response = ask()
    assert response.status_code == 400
    assert response.get_json() == {"error": code, "error_description": "Not today."}
    assert response.headers["Cache-Control"] == "no-store"


def test_runs_in_the_order_of_the_file_names(ask: Ask, write: Write) -> None:
    for name in ("20.py", "10.py", "30.py", "notes.txt"):
        write(f"api.access_token.set_custom_claim('{URI}', '{name}')", name=name)
    assert claims(ask())[URI] == "30.py"


def test_ignores_hidden_files(ask: Ask, write: Write, tmp_path: Path) -> None:
    """Emacs locks a file with a link to nowhere while a buffer is unsaved; macOS leaves `._` files."""
    write(f"api.access_token.set_custom_claim('{URI}', 'ran')")
    (tmp_path / "actions/.#10-action.py").symlink_to("user@host.1")
    (tmp_path / "actions/._10-action.py").write_bytes(b"\0\x05\x16\x07")
    assert claims(ask())[URI] == "ran"


def test_shows_the_request_and_no_credential(ask: Ask, write: Write) -> None:
    write(f"api.access_token.set_custom_claim('{URI}', repr(event))")
    told = claims(ask(headers={"User-Agent": "curl/8"}))[URI]
    assert told == (
        "Event(client=EventClient(client_id='job', name='Job', metadata=mappingproxy({})), "
        "request=EventRequest(ip='127.0.0.1', user_agent='curl/8'), "
        "resource_server=EventResourceServer(identifier='https://rs.example'), "
        "transaction=EventTransaction(requested_scopes=('read', 'write')))"
    )


FAILING = {
    "raises": ("1 / 0", 2),
    "exits": ("raise SystemExit(0)", 2),
    "interrupts": ("raise KeyboardInterrupt", 2),
    "registered claim": ("api.access_token.set_custom_claim('scope', 'admin')", 2),
    "claim that is no JSON": (f"api.access_token.set_custom_claim('{URI}', object())", 2),
    "claim that no token can hold": (f"api.access_token.set_custom_claim('{URI}', 2**64)", 2),
    "claim with half a surrogate pair": (f"api.access_token.set_custom_claim('{URI}', ['\\ud800'])", 2),
    "claim that is not a number": (f"api.access_token.set_custom_claim('{URI}', float('nan'))", 2),
    "unknown code": ("api.access.deny('access_denied', 'No.')", 2),
    "unprintable reason": ("api.access.deny('invalid_scope', 'A \"quote\".')", 2),
    "changed metadata": ("event.client.metadata['a'] = 'b'", 2),
    "changed event": ("event.client = None", 2),
    "changed api": ("api.access = None", 2),
    "does not parse": ("return return", 2),
}


@pytest.mark.parametrize("case", FAILING)
def test_fails_closed_and_logs_file_and_line(
    ask: Ask, write: Write, log_lines: LogLines, tmp_path: Path, case: str
) -> None:
    line, number = FAILING[case]
    write(line)
    response = ask()
    assert response.status_code == 500
    assert response.get_json() == {
        "error": "server_error",
        "error_description": "The server could not answer. The fault is not yours.",
    }
    failed, refused = log_lines()
    where = f"{tmp_path}/actions/10-action.py:{number}"
    assert (failed["message"], failed["level"], failed["action"]) == ("action failed", "error", where)
    assert "Traceback" in failed["exception"]
    assert refused["reason"] == f"action failed: {where}"


@pytest.mark.filterwarnings("ignore:coroutine")  # that it was never awaited, as is right
@pytest.mark.parametrize(
    "content",
    [
        "",
        "on_execute_credentials_exchange = 1",
        "async def on_execute_credentials_exchange(event, api): api.access.deny('invalid_scope', 'No.')",
        "def on_execute_credentials_exchange(event, api): return {'scope': []}",
        "def on_execute_credentials_exchange(event, api): yield",
    ],
)
def test_fails_closed_without_a_function_that_returns_nothing(
    ask: Ask, tmp_path: Path, log_lines: LogLines, content: str
) -> None:
    (tmp_path / "actions/a.py").write_text(content)
    assert ask().status_code == 500
    assert log_lines()[0]["action"] == f"{tmp_path}/actions"


def test_fails_closed_when_the_folder_is_gone(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "actions").rmdir()
    assert ask().status_code == 500


def test_an_edit_takes_effect_without_a_restart(tmp_path: Path, write: Write) -> None:
    now = [0.0]
    (tmp_path / "actions").mkdir()
    actions = Actions(tmp_path / "actions", lambda: now[0])

    def claim() -> Any:
        return actions.narrow(lambda: None).claims  # type: ignore[arg-type,return-value]

    assert claim() == {}
    write(f"api.access_token.set_custom_claim('{URI}', 1)")
    assert claim() == {}
    now[0] = 1
    assert claim() == {URI: 1}
    write(f"api.access_token.set_custom_claim('{URI}', 'other')")
    now[0] = 1.9
    assert claim() == {URI: 1}
    now[0] = 2
    assert claim() == {URI: "other"}
    now[0] = 2.9
    assert claim() == {URI: "other"}
    now[0] = 3
    assert claim() == {URI: "other"}
    (tmp_path / "actions/10-action.py").write_text("?")
    now[0] = 4
    for _ in range(2):
        with pytest.raises(ServerError):
            claim()
    (tmp_path / "actions/10-action.py").unlink()
    assert claim() == {}


scopes = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, unique=True)
calls = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.sampled_from([*REGISTERED, URI, "urn:example:a"]), st.text()),
        st.tuples(st.just("remove"), st.sampled_from(["a", "b", "e", "a b", ""]), st.none()),
        st.tuples(st.just("deny"), st.sampled_from(["invalid_scope", "ok", ""]), st.text(max_size=5)),
    )
)


@pytest.mark.requirement(
    "RFC 6749 5.2 error codes",
    "RFC 9068 5 sub of a client",
    "RFC 9700 4.15 impersonation",
)
@given(granted=scopes, calls=calls)
def test_an_action_only_narrows(granted: list[str], calls: list[tuple[str, str, Any]]) -> None:
    narrowing = Narrowing()
    api = api_on(narrowing)
    does: dict[str, Callable[[str, Any], None]] = {
        "claim": api.access_token.set_custom_claim,
        "remove": lambda scope, _: api.transaction.remove_target_scope(scope),
        "deny": api.access.deny,
    }
    for call, name, value in calls:
        try:
            does[call](name, value)
        except ValueError:
            assert call != "remove"
    try:
        left = narrowed(tuple(granted), narrowing)
    except ProtocolError:
        assert narrowing.denial or set(granted) <= narrowing.removed_scopes
    else:
        removed = {name for call, name, _ in calls if call == "remove"}
        assert list(left) == [scope for scope in granted if scope not in removed]
        assert left
        assert not narrowing.claims.keys() & set(REGISTERED)


def test_a_denial_does_not_come_from_remembered_metadata(ask: Ask, service: Service, write: Write) -> None:
    write("if not event.client.metadata: api.access.deny('unauthorized_client', 'No metadata.')")
    assert ask().status_code == 400
    with service.engine.begin() as connection:
        connection.execute(update(clients).values(metadata={"department": "Payroll"}))
    assert ask().status_code == 200


SHIPPED = Path(__file__).parents[2] / "actions"


def test_the_shipped_actions_change_nothing_for_clients_without_metadata(ask: Ask, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "actions", dirs_exist_ok=True)
    response = ask()
    assert response.get_json()["scope"] == "read write"
    assert not [name for name in claims(response) if ":" in name]


@pytest.fixture
def with_metadata(service: Service, tmp_path: Path) -> Callable[[dict[str, str]], TestResponse]:
    """Return a function that requests a token as `job`, with the shipped Actions and with metadata."""
    shutil.copytree(SHIPPED, tmp_path / "actions", dirs_exist_ok=True)

    def send(metadata: dict[str, str]) -> TestResponse:
        with service.engine.begin() as connection:
            connection.execute(update(clients).values(metadata=metadata))
        basic, form = ("job", "job-secret"), {"grant_type": "client_credentials"}
        return create_app(service).test_client().post("/oauth/token", data=form, auth=basic)

    return send


def test_a_shipped_action_adds_the_department(with_metadata: Callable[..., TestResponse]) -> None:
    response = with_metadata({"department": "Payroll"})
    assert claims(response)[URI] == "Payroll"


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("192.0.2.0/24", 400)])
def test_a_shipped_action_denies_by_address(
    with_metadata: Callable[..., TestResponse], log_lines: LogLines, network: str, status: int
) -> None:
    response = with_metadata({"allowed_network": network})
    assert response.status_code == status
    if status == 400:
        assert response.get_json() == {
            "error": "unauthorized_client",
            "error_description": "The client may not ask from the address 127.0.0.1.",
        }
        reason = "the client may ask from 192.0.2.0/24 only, and the request comes from 127.0.0.1"
        assert log_lines()[-1]["reason"] == reason


@pytest.mark.parametrize(
    ("moment", "removed"),
    [
        ("2026-11-24T09:00", False),
        ("2026-11-24T07:59", True),
        ("2026-11-24T18:00", True),
        ("2026-11-28T09:00", True),
    ],
)
def test_a_shipped_action_drops_a_scope_outside_office_hours(moment: str, removed: bool) -> None:
    assert _removed_at(moment) == ({"approve:timesheets"} if removed else set())


def _removed_at(moment: str) -> set[str]:
    names: dict[str, Any] = {}
    exec((SHIPPED / "office_hours.py").read_text(), names)  # noqa: S102 the Action itself

    class Clock(datetime):
        """A clock that stands still."""

        @classmethod
        def now(cls, tz: Any = None) -> Any:
            """Return the one moment."""
            return datetime.fromisoformat(moment).replace(tzinfo=tz)

    names["datetime"] = Clock
    narrowing = Narrowing()
    event = SimpleNamespace(client=SimpleNamespace(metadata={"approves": "office-hours"}))
    names["on_execute_credentials_exchange"](event, api_on(narrowing))
    return narrowing.removed_scopes
