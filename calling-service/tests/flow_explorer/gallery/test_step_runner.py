"""Each step sends the request that it describes."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flow_explorer.gallery.case import Ask, Call, Read, Revoke
from flow_explorer.gallery.step_runner import POLLS, StepRunner
from flow_explorer.servers import Servers
from recording.exchange import Exchange
from recording.recorder import recording
from werkzeug.wrappers import Request, Response

KEY = Ed25519PrivateKey.generate()
ASSERTION = "with an assertion signed by its key"


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def servers(tmp_path: Path, endpoint: Any, api: Any) -> Servers:
    return Servers(
        issuer="http://localhost:9000",
        issuer_url=endpoint.url.removesuffix("/oauth/token"),
        api_url=api.url,
        audience="http://localhost:9001",
        credentials=tmp_path,
        timeout=(3, 5),
    )


@pytest.fixture
def steps(servers: Servers, waits: list[float]) -> Iterator[StepRunner]:
    folder = servers.credentials
    (folder / "job").write_text("old secret\n")
    (folder / "job.next").write_text("new secret\n")
    (folder / "timesheets-console").write_text("its secret\n")
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "job.pem").write_bytes(pem)

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    with closing(StepRunner(servers, wait)) as steps:
        yield steps


def asked(steps: StepRunner, endpoint: Any, how: str) -> Request:
    steps.run(Ask("job", how))
    request: Request = endpoint.requests[-1]
    return request


@pytest.mark.parametrize(
    ("how", "header", "query", "form"),
    [
        ("with its secret", ("job", "old+secret"), {}, {}),
        ("with its next secret", ("job", "new+secret"), {}, {}),
        (
            "with its secret in the query string",
            None,
            {"client_id": "job", "client_secret": "old secret"},
            {},
        ),
        (
            "with its secret in the header and in the body",
            ("job", "old+secret"),
            {},
            {"client_id": "job", "client_secret": "old secret"},
        ),
    ],
)
def test_a_client_authenticates_in_the_way_that_the_step_names(
    steps: StepRunner,
    endpoint: Any,
    *,
    how: str,
    header: tuple[str, str] | None,
    query: dict[str, str],
    form: dict[str, str],
) -> None:
    request = asked(steps, endpoint, how)
    sent = request.authorization
    assert (sent and (sent.username, sent.password)) == header
    assert request.args.to_dict() == query
    usual = {"grant_type": "client_credentials", "audience": "http://localhost:9001"}
    assert request.form.to_dict() == usual | form


def test_a_made_up_secret_is_different_each_time(steps: StepRunner, endpoint: Any) -> None:
    made_up = [asked(steps, endpoint, "with a made-up secret").authorization.password for _ in range(2)]  # type: ignore[union-attr]
    assert len({*made_up, "old+secret"}) == 3
    assert all(len(secret or "") == 43 for secret in made_up)


def test_an_assertion_is_new_unless_the_same_is_sent_again(steps: StepRunner, endpoint: Any) -> None:
    hows = (ASSERTION, "with the same assertion again", ASSERTION)
    first, same, new = (asked(steps, endpoint, how).form["client_assertion"] for how in hows)
    assert first == same != new
    claims = jwt.decode(first, KEY.public_key(), ["EdDSA"], audience="http://localhost:9000")
    assert (claims["iss"], claims["sub"]) == ("job", "job")


def test_an_unknown_way_is_refused(steps: StepRunner, endpoint: Any) -> None:
    for step in (Ask("job", "with its charm"), Call("GET /timesheets", "with a token and a smile")):
        with pytest.raises(LookupError):
            steps.run(step)
    assert endpoint.calls == 0


def test_parameters_are_replaced_added_and_left_out(steps: StepRunner, endpoint: Any) -> None:
    steps.run(Ask("job", parameters={"grant_type": "password", "scope": "a b"}, without=("audience",)))
    assert endpoint.requests[0].form.to_dict() == {"grant_type": "password", "scope": "a b"}


def token_of(steps: StepRunner, how: str = "with its secret") -> str:
    return str(steps.run(Ask("job", how)).json()["access_token"])


def test_the_token_is_presented_in_the_way_that_the_step_names(
    steps: StepRunner, endpoint: Any, api: Any
) -> None:
    token = token_of(steps, ASSERTION)
    for how in ("with the token", "without a token", "with the assertion as token"):
        steps.run(Call("GET /timesheets?limit=1", how))
    assertion = endpoint.requests[0].form["client_assertion"]
    assert api.tokens == [f"Bearer {token}", "", f"Bearer {assertion}"]
    steps.run(Call("GET /timesheets?limit=1", "with the token in the query string"))
    assert api.requests[-1].args.to_dict() == {"limit": "1", "access_token": token}
    assert "Authorization" not in api.requests[-1].headers
    steps.run(Call("GET /timesheets", "with a token that says alg none"))
    assert api.tokens[-1].endswith(".")


def labels(kept: list[Exchange]) -> list[str]:
    return [step.label for exchange in kept for step in exchange.steps]


def test_the_keys_are_read_for_a_forgery(steps: StepRunner, endpoint: Any, api: Any) -> None:
    kept: list[Exchange] = []
    token_of(steps)
    jwk = jwt.get_algorithm_by_name("EdDSA").to_jwk(KEY.public_key(), as_dict=True)
    endpoint.answers = [Response(json.dumps({"keys": [{**jwk, "kid": "1"}]}))]
    with recording(kept.append):
        steps.run(Read("/.well-known/jwks.json"))
    assert labels(kept) == ["Anybody may read the authorization server's public keys"]
    steps.run(Call("GET /timesheets", "with a token signed with the public key as HMAC secret"))
    header = jwt.get_unverified_header(api.tokens[-1].removeprefix("Bearer "))
    assert (endpoint.requests[-1].path, header["alg"]) == ("/.well-known/jwks.json", "HS256")


def test_the_token_is_revoked_by_its_client(steps: StepRunner, endpoint: Any) -> None:
    kept: list[Exchange] = []
    token = token_of(steps)
    with recording(kept.append):
        steps.run(Revoke("job"))
    assert labels(kept) == ["job revokes its token"]
    request = endpoint.requests[-1]
    assert (request.path, request.form.to_dict()) == ("/oauth/revoke", {"token": token})
    assert request.authorization.username == "job"


def test_a_refused_client_has_no_token(steps: StepRunner, endpoint: Any, api: Any) -> None:
    token_of(steps)
    endpoint.answers = [endpoint.error(401, "invalid_client")]
    steps.run(Ask("job"))
    steps.run(Call("GET /timesheets"))
    assert api.tokens == ["Bearer "]


def test_a_call_is_repeated_until_its_status_comes(steps: StepRunner, api: Any, waits: list[float]) -> None:
    token_of(steps)
    api.answers = [Response("{}"), Response("{}"), Response("{}", 401)]
    kept: list[Exchange] = []
    with recording(kept.append):
        assert steps.run(Call("GET /timesheets", until=401)).status_code == 401
    assert (len(waits), [step.steps[0].number for step in kept]) == (2, [1, 1, 2])
    assert kept[2].steps[0].label == "job calls the API with the token, once more"


def test_a_call_is_not_repeated_without_end(steps: StepRunner, api: Any, waits: list[float]) -> None:
    token_of(steps)
    assert steps.run(Call("GET /timesheets", until=401)).status_code == 200
    assert (len(waits), len(api.requests)) == (POLLS, POLLS + 1)


def test_a_call_is_not_repeated_when_the_service_stops(servers: Servers, api: Any) -> None:
    with closing(StepRunner(servers, lambda _: True)) as steps:
        steps.run(Call("GET /timesheets", "without a token", until=401))
    assert len(api.requests) == 1


def test_a_client_that_keeps_its_token_asks_for_it_once(steps: StepRunner, endpoint: Any, api: Any) -> None:
    kept: list[Exchange] = []
    with recording(kept.append):
        for _ in range(2):
            steps.run(Call("GET /timesheets", client="job", scope="a"))
    assert (endpoint.calls, len(api.requests), len(set(api.tokens))) == (1, 2, 1)
    assert labels(kept) == [
        "job has no token, asks for one and keeps it",
        "job calls the API with it",
        "job calls the API with the token that it has kept",
    ]
    assert [step.number for exchange in kept for step in exchange.steps] == [1, 2, 3]


ENTRY = {"external_id": "gallery-1", "user_id": "gallery", "date": "2026-11-13", "project": "P", "hours": 2}
BOOKED = ENTRY | {"hours": "2.00", "client_id": "job"}
UPLOAD = Call("POST /timesheets/upload", body={"entries": [ENTRY]})


def page(*timesheets: dict[str, Any]) -> Response:
    return Response(json.dumps({"timesheets": timesheets}))


def test_cleaning_up_deletes_what_was_sent_and_nothing_else_that_the_employee_has(
    steps: StepRunner, api: Any
) -> None:
    token_of(steps)
    steps.run(UPLOAD)
    others = [{"client_id": "another"}, {"external_id": "1"}, {"date": "2026-11-14"}, {"project": "Q"}]
    listed = [BOOKED | other | {"id": number} for number, other in enumerate([*others, {"hours": "3.00"}])]
    api.answers = [page(*listed, BOOKED | {"id": 7}), Response("", 204)]
    steps.clean_up()
    assert [(request.method, request.path, request.args.to_dict()) for request in api.requests[1:]] == [
        ("GET", "/timesheets", {"user_id": "gallery", "limit": "500"}),
        ("DELETE", "/timesheets/7", {}),
    ]


def test_cleaning_up_raises_an_error_when_it_fails(steps: StepRunner, api: Any) -> None:
    token_of(steps)
    steps.run(UPLOAD)
    api.answers = [page(BOOKED | {"id": 7}), Response("{}", 409)]
    with pytest.raises(requests.HTTPError):
        steps.clean_up()


def test_no_credential_is_added_from_elsewhere(
    steps: StepRunner, api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    steps.run(Call("GET /timesheets", "without a token"))
    assert api.tokens == [""]


def test_a_token_is_bound_and_presented_with_a_proof_for_the_public_address(
    steps: StepRunner, endpoint: Any, api: Any
) -> None:
    request = asked(steps, endpoint, "with its secret and a proof")
    steps.run(Call("GET /timesheets?limit=1", "with the token and a proof"))
    said = [
        jwt.decode(each.headers["DPoP"], options={"verify_signature": False})
        for each in (request, *api.requests)
    ]
    assert [claims["htu"] for claims in said] == [
        "http://localhost:9000/oauth/token",
        "http://localhost:9001/timesheets",
    ]
    assert request.authorization
    assert api.tokens[0].startswith("DPoP eyJ")


def test_a_client_shows_the_token_of_its_platform(steps: StepRunner, servers: Servers, endpoint: Any) -> None:
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (servers.credentials / "gallery-platform.pem").write_bytes(pem)
    form = asked(steps, endpoint, "with the token of another workload").form
    claims = jwt.decode(form["client_assertion"], options={"verify_signature": False})
    assert claims["sub"] == "system:serviceaccount:timesheets:somebody-else"
    assert "client_secret" not in form
