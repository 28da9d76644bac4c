"""Token introspection, RFC 7662: its every MUST, and who may ask about what."""

import base64
import json
import string
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database import apis, clients, grants, signing_keys
from auth_server.startup import Service
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Issue = Callable[..., str]
LogLines = Callable[[], list[dict[str, Any]]]
Start = Callable[[dict[str, str]], Service]

ISSUER = "https://issuer.example"
RS, ES, ED = (f"https://{name}.example" for name in ("rs", "es", "ed"))
AUDIENCES = {"RS256": RS, "ES256": ES, "EdDSA": ED}
MakeToken = Callable[..., str]
NO_STORE = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}


def assert_inactive(response: TestResponse) -> None:
    """Expect the one answer for every token that is not active (RFC 7662 2.2)."""
    assert (response.status_code, response.get_json()) == (200, {"active": False})
    assert dict(response.headers) == NO_STORE | {"Content-Length": "17"}


def decoded(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


def test_tells_what_an_active_token_says(introspect: Ask, issue: Issue) -> None:
    """RFC 7662 2.2: a JSON object with `active`, and the members that the token has."""
    token = issue()
    response = introspect(token)
    assert response.status_code == 200
    assert dict(response.headers).items() >= NO_STORE.items()
    claims = decoded(token)
    assert response.get_json() == {
        "active": True,
        "token_type": "Bearer",
        "scope": "read write",
        "client_id": "job",
        "sub": "job",
        "aud": "https://rs.example",
        "iss": ISSUER,
        "exp": claims["exp"],
        "iat": claims["iat"],
        "jti": claims["jti"],
    }


def test_tells_the_claims_that_actions_have_added(introspect: Ask, issue: Issue, tmp_path: Path) -> None:
    (tmp_path / "actions/a.py").write_text(
        "def on_execute_credentials_exchange(event, api):\n"
        "    api.access_token.set_custom_claim('https://a.example/b', [1])\n"
    )
    assert introspect(issue()).get_json()["https://a.example/b"] == [1]


@pytest.mark.parametrize("alg", AUDIENCES)
def test_knows_tokens_of_every_algorithm(introspect: Ask, make_token: MakeToken, alg: str) -> None:
    response = introspect(make_token("many", AUDIENCES[alg], alg), who="many")
    assert response.get_json()["aud"] == AUDIENCES[alg]


@pytest.mark.parametrize("body", [b"", b"token=", b"token_type_hint=access_token"])
def test_refuses_a_request_without_a_token(client: FlaskClient, log_lines: LogLines, body: bytes) -> None:
    """RFC 7662 2.1: `token` is REQUIRED."""
    response = client.post(
        "/oauth/introspect",
        data=body,
        content_type="application/x-www-form-urlencoded",
        auth=("api", "api-secret"),
    )
    assert response.status_code == 400
    assert response.get_json() == {"error": "invalid_request", "error_description": "The token is missing."}
    assert log_lines()[-1]["message"] == "introspection refused"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_takes_post_alone(client: FlaskClient, method: str) -> None:
    """RFC 7662 2.1 and 4: POST; by GET a token would stand in the logs of proxies."""
    response = client.open("/oauth/introspect", method=method, query_string={"token": "a"})
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_takes_no_token_from_the_query_string(client: FlaskClient, issue: Issue) -> None:
    response = client.post(
        "/oauth/introspect", query_string={"token": issue()}, data={"token": "a"}, auth=("api", "api-secret")
    )
    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_request"


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "https://a.example/unknown", "\u00fc"])
def test_finds_the_token_whatever_the_hint(introspect: Ask, issue: Issue, hint: str) -> None:
    """RFC 7662 2.1: a server that does not find it by the hint MUST look among all its kinds."""
    assert introspect(issue(), token_type_hint=hint).get_json()["active"] is True


def test_requires_the_caller_to_authenticate(client: FlaskClient, issue: Issue, log_lines: LogLines) -> None:
    """RFC 7662 2.1: MUST require authorization, against token scanning."""
    response = client.post("/oauth/introspect", data={"token": issue()})
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}", charset="UTF-8"'
    line = log_lines()[-1]
    assert (line["message"], line["reason"]) == ("introspection refused", "no credential")


@pytest.mark.parametrize("auth", [("api", "wrong"), ("who", "api-secret"), ("off", "off-secret")])
def test_answers_401_to_invalid_credentials(client: FlaskClient, issue: Issue, auth: tuple[str, str]) -> None:
    """RFC 7662 2.3: as RFC 6749 5.2 has it."""
    response = client.post("/oauth/introspect", data={"token": issue()}, auth=auth)
    assert response.status_code == 401
    assert response.get_json()["error"] == "invalid_client"
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}", charset="UTF-8"'


def test_takes_every_way_of_authentication_that_the_metadata_names(
    client: FlaskClient, issue: Issue, sign: Callable[..., dict[str, str]], ask: Ask
) -> None:
    token = issue()
    credentials: list[dict[str, Any]] = [
        {"auth": ("api", "api-secret"), "data": {"token": token}},
        {"data": {"token": token, "client_id": "api", "client_secret": "api-secret"}},
        {"json": {"token": token, "client_id": "api", "client_secret": "api-secret"}},
        {"data": {"token": ask(sign(), auth=None).get_json()["access_token"]} | sign()},
    ]
    answers = [client.post("/oauth/introspect", **options).get_json() for options in credentials]
    assert [answer["active"] for answer in answers] == [True] * 4


def test_counts_failed_logins_together_with_the_token_endpoint(environ: dict[str, str], start: Start) -> None:
    client = create_app(start(environ | {"FAILED_LOGINS_PER_MINUTE": "2"})).test_client()
    paths = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"]
    assert [client.post(path, data={"a": "b"}, auth=("job", "x")).status_code for path in paths] == [
        401,
        401,
        429,
    ]


def test_a_client_may_ask_about_its_own_tokens(introspect: Ask, issue: Issue) -> None:
    assert introspect(issue(), who="job").get_json()["active"] is True


def test_a_client_may_not_ask_about_tokens_of_others(
    introspect: Ask, issue: Issue, log_lines: LogLines
) -> None:
    """RFC 7662 2.2 and 4: not allowed to know of it, MUST be told that it is not active."""
    token = issue()
    assert_inactive(introspect(token, who="many"))
    line = log_lines()[-1]
    assert (line["message"], line["active"]) == ("token introspected", False)
    assert line["reason"] == "this client may not ask about it"


def test_an_api_may_not_ask_about_tokens_for_another_api(introspect: Ask, issue: Issue) -> None:
    """RFC 7662 4: MUST determine whether the token can be used where the call comes from."""
    assert_inactive(introspect(issue("many", audience=ES)))
    assert introspect(issue("many", audience=RS)).get_json()["active"] is True


def test_a_permission_that_the_tenant_withdraws_is_gone_at_once(
    introspect: Ask, issue: Issue, service: Service
) -> None:
    token = issue()
    with service.engine.begin() as connection:
        connection.execute(update(apis).values(introspected_by=None))
    assert_inactive(introspect(token))


def test_an_expired_token_is_not_active(introspect: Ask, make_token: MakeToken, log_lines: LogLines) -> None:
    """RFC 7662 4: MUST determine whether it has expired."""
    assert_inactive(introspect(make_token(now=lambda: time.time() - 60)))
    assert log_lines()[-1]["reason"] == "expired"


def test_a_token_of_another_issuer_is_not_active(
    introspect: Ask, make_token: MakeToken, log_lines: LogLines
) -> None:
    assert_inactive(introspect(make_token(issuer="https://other.example")))
    assert log_lines()[-1]["reason"] == "issued by another issuer"


def part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


FORGED: dict[str, tuple[Callable[[str, str, str], str], str]] = {
    "more scope": (lambda h, _, s: f"{h}.{part({'scope': 'admin'})}.{s}", "wrong signature"),
    "no signature": (lambda h, p, _: f"{h}.{p}.", "wrong signature"),
    "signature that is cut": (lambda h, p, s: f"{h}.{p}.{s[:-4]}", "wrong signature"),
    "signature that is padded": (lambda h, p, s: f"{h}.{p}.{s}==", "wrong signature"),
    "alg none": (lambda _, p, __: f"{part({'alg': 'none'})}.{p}.", "not signed with a key of this server"),
    "unknown kid": (
        lambda _, p, s: f"{part({'typ': 'at+jwt', 'alg': 'RS256', 'kid': 'x'})}.{p}.{s}",
        "not signed with a key of this server",
    ),
    "a part more": (lambda h, p, s: f"{h}.{p}.{s}.{s}", "wrong signature"),
    "a part less": (lambda h, p, _: f"{h}.{p}", "wrong signature"),
    "a space": (lambda h, p, s: f" {h}.{p}.{s}", "not signed with a key of this server"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_token_that_was_tampered_with_is_not_active(
    introspect: Ask, issue: Issue, log_lines: LogLines, case: str
) -> None:
    """RFC 7662 4: MUST validate the signature."""
    forge, reason = FORGED[case]
    assert_inactive(introspect(forge(*issue().split("."))))
    assert log_lines()[-1]["reason"] == reason


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_a_token_whose_key_is_gone_is_not_active(
    service: Service, make_token: MakeToken, environ: dict[str, str], start: Start, alg: str
) -> None:
    token = make_token("many", AUDIENCES[alg], alg)
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys))
    client = create_app(start(environ)).test_client()
    assert_inactive(client.post("/oauth/introspect", data={"token": token}, auth=("many", "many-secret")))


def test_a_revoked_token_is_not_active(
    introspect: Ask, revoke: Ask, issue: Issue, log_lines: LogLines
) -> None:
    """RFC 7662 4: MUST determine whether it was revoked."""
    token = issue()
    assert revoke(token).status_code == 200
    assert_inactive(introspect(token))
    assert log_lines()[-1]["reason"] == "revoked"


GONE: dict[str, tuple[Any, str]] = {
    "disabled": (update(clients).where(clients.c.client_id == "job").values(enabled=False), "is disabled"),
    "no grant": (delete(grants).where(grants.c.client == "job"), "has lost the grant"),
}


@pytest.mark.parametrize("case", GONE)
def test_a_token_is_not_active_once_its_client_is_not(
    introspect: Ask, issue: Issue, service: Service, log_lines: LogLines, case: str
) -> None:
    statement, reason = GONE[case]
    token = issue()
    with service.engine.begin() as connection:
        connection.execute(statement)
    assert_inactive(introspect(token))
    assert log_lines()[-1]["reason"] == f"its client {reason}"


TOKEN_CHARACTERS = string.ascii_letters + string.digits + "-_.= "
GARBAGE = st.one_of(
    st.text(st.characters(exclude_categories=[]), min_size=1),
    st.lists(st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()), min_size=2).map(".".join),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=GARBAGE)
def test_any_garbage_is_a_token_that_is_not_active(client: FlaskClient, token: str) -> None:
    """RFC 7662 2.2 and 2.3: not an error, MUST be answered with `active` false."""
    assert_inactive(client.post("/oauth/introspect", json={"token": token}, auth=("api", "api-secret")))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 500), other=st.integers(1, len(TOKEN_CHARACTERS) - 1))
def test_a_token_with_any_change_is_not_active(introspect: Ask, issue: Issue, at: int, other: int) -> None:
    token = issue()
    found = TOKEN_CHARACTERS.index(token[at]) + other
    changed = TOKEN_CHARACTERS[found % len(TOKEN_CHARACTERS)]
    assert_inactive(introspect(token[:at] + changed + token[at + 1 :]))


def test_one_line_says_who_asked_and_never_the_token(
    introspect: Ask, issue: Issue, log_lines: LogLines
) -> None:
    token = issue()
    introspect(token)
    line = log_lines()[-1]
    assert (line["message"], line["path"], line["status"]) == ("token introspected", "/oauth/introspect", 200)
    assert (line["client_id"], line["active"], line["jti"]) == ("api", True, decoded(token)["jti"])
    assert token.rpartition(".")[2] not in json.dumps(log_lines())
