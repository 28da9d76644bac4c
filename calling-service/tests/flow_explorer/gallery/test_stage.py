"""Each step is the request that its words say."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from calling_service.settings import Settings
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flow_explorer.gallery.case import Ask, Call, Read, Revoke
from flow_explorer.gallery.stage import POLLS, Stage
from recording.exchange import Exchange
from recording.recorder import recording
from werkzeug.wrappers import Request, Response

KEY = Ed25519PrivateKey.generate()
ASSERTION = "with an assertion signed by its key"


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def stage(settings: Settings, waits: list[float]) -> Iterator[Stage]:
    folder = settings.credential_file.parent
    (folder / "job").write_text("old secret\n")
    (folder / "job.next").write_text("new secret\n")
    (folder / "timesheets-console").write_text("its secret\n")
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "job.pem").write_bytes(pem)

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return False

    with Stage(settings, wait) as stage:
        yield stage


def asked(stage: Stage, endpoint: Any, how: str) -> Request:
    stage.play(Ask("job", how))
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
def test_a_client_proves_who_it_is(
    stage: Stage,
    endpoint: Any,
    *,
    how: str,
    header: tuple[str, str] | None,
    query: dict[str, str],
    form: dict[str, str],
) -> None:
    request = asked(stage, endpoint, how)
    sent = request.authorization
    assert (sent and (sent.username, sent.password)) == header
    assert request.args.to_dict() == query
    usual = {"grant_type": "client_credentials", "audience": "http://localhost:9001"}
    assert request.form.to_dict() == usual | form


def test_a_made_up_secret_is_another_one_each_time(stage: Stage, endpoint: Any) -> None:
    made_up = [asked(stage, endpoint, "with a made-up secret").authorization.password for _ in range(2)]  # type: ignore[union-attr]
    assert len({*made_up, "old+secret"}) == 3
    assert all(len(secret or "") == 43 for secret in made_up)


def test_an_assertion_is_new_unless_the_same_is_sent_again(stage: Stage, endpoint: Any) -> None:
    hows = (ASSERTION, "with the same assertion again", ASSERTION)
    first, same, new = (asked(stage, endpoint, how).form["client_assertion"] for how in hows)
    assert first == same != new
    claims = jwt.decode(first, KEY.public_key(), ["EdDSA"], audience="http://localhost:9000")
    assert (claims["iss"], claims["sub"]) == ("job", "job")


def test_other_words_are_refused(stage: Stage, endpoint: Any) -> None:
    for step in (Ask("job", "with its charm"), Call("GET /timesheets", "with a token and a smile")):
        with pytest.raises(LookupError):
            stage.play(step)
    assert endpoint.calls == 0


def test_parameters_are_replaced_added_and_left_out(stage: Stage, endpoint: Any) -> None:
    stage.play(Ask("job", parameters={"grant_type": "password", "scope": "a b"}, without=("audience",)))
    assert endpoint.requests[0].form.to_dict() == {"grant_type": "password", "scope": "a b"}


def token_of(stage: Stage, how: str = "with its secret") -> str:
    return str(stage.play(Ask("job", how)).json()["access_token"])


def test_the_token_is_presented_as_the_words_say(stage: Stage, endpoint: Any, api: Any) -> None:
    token = token_of(stage, ASSERTION)
    for how in ("with the token", "without a token", "with the assertion as token"):
        stage.play(Call("GET /timesheets?limit=1", how))
    assertion = endpoint.requests[0].form["client_assertion"]
    assert api.tokens == [f"Bearer {token}", "", f"Bearer {assertion}"]
    stage.play(Call("GET /timesheets?limit=1", "with the token in the query string"))
    assert api.requests[-1].args.to_dict() == {"limit": "1", "access_token": token}
    assert "Authorization" not in api.requests[-1].headers
    stage.play(Call("GET /timesheets", "with a token that says alg none"))
    assert api.tokens[-1].endswith(".")


def said(kept: list[Exchange]) -> list[str]:
    return [step.label for exchange in kept for step in exchange.steps]


def test_the_keys_are_read_for_the_forger(stage: Stage, endpoint: Any, api: Any) -> None:
    kept: list[Exchange] = []
    token_of(stage)
    jwk = jwt.get_algorithm_by_name("EdDSA").to_jwk(KEY.public_key(), as_dict=True)
    endpoint.answers = [Response(json.dumps({"keys": [{**jwk, "kid": "1"}]}))]
    with recording(kept.append):
        stage.play(Read("/.well-known/jwks.json"))
    assert said(kept) == ["Anybody may read the authorization server's public keys"]
    stage.play(Call("GET /timesheets", "with a token signed with the public key as HMAC secret"))
    header = jwt.get_unverified_header(api.tokens[-1].removeprefix("Bearer "))
    assert (endpoint.requests[-1].path, header["alg"]) == ("/.well-known/jwks.json", "HS256")


def test_the_token_is_revoked_by_its_client(stage: Stage, endpoint: Any) -> None:
    kept: list[Exchange] = []
    token = token_of(stage)
    with recording(kept.append):
        stage.play(Revoke("job"))
    assert said(kept) == ["job revokes its token"]
    request = endpoint.requests[-1]
    assert (request.path, request.form.to_dict()) == ("/oauth/revoke", {"token": token})
    assert request.authorization.username == "job"


def test_a_refused_client_holds_no_token(stage: Stage, endpoint: Any, api: Any) -> None:
    token_of(stage)
    endpoint.answers = [endpoint.error(401, "invalid_client")]
    stage.play(Ask("job"))
    stage.play(Call("GET /timesheets"))
    assert api.tokens == ["Bearer "]


def test_a_call_is_repeated_until_its_status_comes(stage: Stage, api: Any, waits: list[float]) -> None:
    token_of(stage)
    api.answers = [Response("{}"), Response("{}"), Response("{}", 401)]
    kept: list[Exchange] = []
    with recording(kept.append):
        assert stage.play(Call("GET /timesheets", until=401)).status_code == 401
    assert (len(waits), [step.steps[0].number for step in kept]) == (2, [1, 1, 2])
    assert kept[2].steps[0].label == "job calls the API with the token, once more"


def test_a_call_is_not_repeated_for_ever(stage: Stage, api: Any, waits: list[float]) -> None:
    token_of(stage)
    assert stage.play(Call("GET /timesheets", until=401)).status_code == 200
    assert (len(waits), len(api.requests)) == (POLLS, POLLS + 1)


def test_a_call_is_not_repeated_by_a_service_that_stops(settings: Settings, api: Any) -> None:
    with Stage(settings, lambda _: True) as stage:
        stage.play(Call("GET /timesheets", "without a token", until=401))
    assert len(api.requests) == 1


def test_a_client_that_keeps_its_token_asks_once(stage: Stage, endpoint: Any, api: Any) -> None:
    kept: list[Exchange] = []
    with recording(kept.append):
        for _ in range(2):
            stage.play(Call("GET /timesheets", client="job", scope="a"))
    assert (endpoint.calls, len(api.requests), len(set(api.tokens))) == (1, 2, 1)
    assert said(kept) == [
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
    stage: Stage, api: Any
) -> None:
    token_of(stage)
    stage.play(UPLOAD)
    others = [{"client_id": "another"}, {"external_id": "1"}, {"date": "2026-11-14"}, {"project": "Q"}]
    listed = [BOOKED | other | {"id": number} for number, other in enumerate([*others, {"hours": "3.00"}])]
    api.answers = [page(*listed, BOOKED | {"id": 7}), Response("", 204)]
    stage.clean_up()
    assert [(request.method, request.path, request.args.to_dict()) for request in api.requests[1:]] == [
        ("GET", "/timesheets", {"user_id": "gallery", "limit": "500"}),
        ("DELETE", "/timesheets/7", {}),
    ]


def test_cleaning_up_fails_aloud(stage: Stage, api: Any) -> None:
    token_of(stage)
    stage.play(UPLOAD)
    api.answers = [page(BOOKED | {"id": 7}), Response("{}", 409)]
    with pytest.raises(requests.HTTPError):
        stage.clean_up()


def test_addresses_come_from_the_settings_alone(settings: Settings, endpoint: Any) -> None:
    issuer = endpoint.url.removesuffix("/oauth/token")
    with Stage(replace(settings, token_url=None, issuer=f"{issuer}/"), lambda _: False) as stage:
        stage.play(Ask("nobody", "with a made-up secret"))
    assert endpoint.requests[0].path == "/oauth/token"


def test_no_credential_is_added_from_elsewhere(
    stage: Stage, api: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    stage.play(Call("GET /timesheets", "without a token"))
    assert api.tokens == [""]
