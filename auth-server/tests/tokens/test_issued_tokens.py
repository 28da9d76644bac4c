"""Which tokens are active (RFC 7662 4)."""

import base64
import json
import string
import time
from collections.abc import Callable
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.database.tables import clients, grants, revoked_tokens, signing_keys
from auth_server.expiring_rows import KEPT_LONGER, ExpiringRows
from auth_server.startup import Service
from auth_server.tokens.issued_tokens import InactiveTokenError, IssuedToken, IssuedTokens
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]
Issue = Callable[..., str]
LogLines = Callable[[], list[dict[str, Any]]]
Start = Callable[[dict[str, str]], Service]
RS, ES, ED = (f"https://{name}.example" for name in ("rs", "es", "ed"))
AUDIENCES = {"RS256": RS, "ES256": ES, "EdDSA": ED}
MakeToken = Callable[..., str]
NO_STORE = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}


def assert_inactive(response: TestResponse) -> None:
    """Expect the one answer for every token that is not active (RFC 7662 2.2)."""
    assert (response.status_code, response.get_json()) == (200, {"active": False})
    assert dict(response.headers) == NO_STORE | {"Content-Length": "16"}


@pytest.mark.parametrize("alg", AUDIENCES)
def test_knows_tokens_of_every_algorithm(introspect: Ask, make_token: MakeToken, alg: str) -> None:
    response = introspect(make_token("many", AUDIENCES[alg], alg), who="many")
    assert response.get_json()["aud"] == AUDIENCES[alg]


@pytest.mark.requirement("RFC 7662 4 expired")
@pytest.mark.kinds_of_failures("introspected-token", {"cache-outlives-exp": "expired"})
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


@pytest.mark.requirement("RFC 7662 2.2 nothing else", "RFC 7662 4 signature")
@pytest.mark.parametrize("case", FORGED)
def test_a_token_that_was_tampered_with_is_not_active(
    introspect: Ask, issue: Issue, log_lines: LogLines, case: str
) -> None:
    """RFC 7662 4: MUST validate the signature."""
    forge, reason = FORGED[case]
    assert_inactive(introspect(forge(*issue().split("."))))
    assert log_lines()[-1]["reason"] == reason


@pytest.mark.parametrize("garbage", ["\ud800{token}", "{token}\ud800"], ids=["before", "behind"])
def test_half_a_surrogate_pair_in_a_token_is_no_error(
    client: FlaskClient, issue: Issue, garbage: str
) -> None:
    """JSON can spell it, and UTF-8 cannot."""
    token = garbage.format(token=issue())
    asked = client.post("/oauth/introspect", json={"token": token}, auth=("api", "api-secret"))
    assert_inactive(asked)


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
def test_a_token_whose_key_is_gone_is_not_active(
    service: Service, make_token: MakeToken, environ: dict[str, str], start: Start, alg: str
) -> None:
    token = make_token("many", AUDIENCES[alg], alg)
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys))
    client = create_app(start(environ)).test_client()
    assert_inactive(client.post("/oauth/introspect", data={"token": token}, auth=("many", "many-secret")))


@pytest.mark.requirement("RFC 7662 4 revoked")
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


@pytest.mark.requirement("RFC 6749 10.3 not forgeable")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 500), other=st.integers(1, len(TOKEN_CHARACTERS) - 1))
def test_a_token_with_any_change_is_not_active(introspect: Ask, issue: Issue, at: int, other: int) -> None:
    token = issue()
    found = TOKEN_CHARACTERS.index(token[at]) + other
    changed = TOKEN_CHARACTERS[found % len(TOKEN_CHARACTERS)]
    assert_inactive(introspect(token[:at] + changed + token[at + 1 :]))


ISSUER = "https://issuer.example"


def rows(service: Service) -> list[str]:
    with service.engine.connect() as connection:
        return list(connection.scalars(select(revoked_tokens.c.jti)))


def test_a_revocation_is_deleted_an_hour_after_the_token_has_expired(service: Service) -> None:
    now = [0.0]
    revoked = ExpiringRows(service.engine, revoked_tokens, lambda: now[0])
    issued = IssuedTokens(ISSUER, service.keys, service.engine, revoked, lambda: now[0])
    kept = []
    for name, at in (("a", 1000.0), ("b", 1059.0), ("c", 1060.0)):
        now[0] = at + KEPT_LONGER
        issued.revoke(IssuedToken({"jti": name, "exp": at + 30}))
        kept.append(rows(service))
    assert kept == [["a"], ["a", "b"], ["b", "c"]]


@pytest.mark.parametrize(("now", "is_active"), [(1059.9, True), (1060.0, False)])
def test_a_token_is_active_until_its_exp_and_not_in_that_moment(
    service: Service, make_token: MakeToken, now: float, *, is_active: bool
) -> None:
    """RFC 7519 4.1.4: on or after exp, it is not accepted."""
    revoked = ExpiringRows(service.engine, revoked_tokens, lambda: now)
    issued = IssuedTokens(ISSUER, service.keys, service.engine, revoked, lambda: now)
    token = make_token(now=lambda: 1000)
    if is_active:
        assert issued.recognise(token).client_id == "job"
    else:
        with pytest.raises(InactiveTokenError, match="expired"):
            issued.recognise(token)
