"""Client authentication with `private_key_jwt` (RFC 7523): one answer for every reason to refuse."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.errors import InvalidClientError
from auth_server.protocol.client_assertion import ClientAssertion, check_claims
from auth_server.protocol.compact_jws import CompactJws
from auth_server.startup import Service
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Sign = Callable[..., dict[str, str]]
LogLines = Callable[[], list[dict[str, Any]]]
ISSUER, ENDPOINT = "https://issuer.example", "https://issuer.example/oauth/token"
MALFORMED = "client_assertion: malformed"
NOT_ONE = "client_assertion: iss and sub are not one client_id"
TYP = "client_assertion: the typ is not that of an assertion"
AUD, EXP, IAT, NBF, JTI = (
    f"client_assertion: the {name} is missing or wrong" for name in ("aud", "exp", "iat", "nbf", "jti")
)
ALG = "client_assertion: the alg is not one of RS256, ES256, EdDSA, Ed25519"
BARE = {"iss": "bare", "sub": "bare"}
HAS_SECRET = "a signed assertion, but the client is registered with a secret"
KID = "no key of the client has this kid"
SIGNATURE = "wrong signature"


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.mark.requirement("RFC 7523 5 RS256", "RFC 9700 2.5 asymmetric")
@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
@pytest.mark.parametrize("kid", ["given", None])
def test_accepts_each_algorithm_with_and_without_a_kid(
    ask: Ask, sign: Sign, alg: str, kid: str | None
) -> None:
    response = ask(sign(alg=alg, kid=kid and alg), auth=None)
    assert response.status_code == 200
    assert response.get_json()["scope"] == "read"


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA", "Ed25519"])
@pytest.mark.parametrize("kid", ["any", "", None])
def test_a_key_registered_without_a_kid_fits_any(ask: Ask, sign: Sign, alg: str, kid: str | None) -> None:
    """openid-client, oauth4webapi and requests-oauth2client always name a kid."""
    assert ask(sign(BARE, alg=alg, kid=kid), auth=None).status_code == 200


@pytest.mark.requirement("RFC 9864 2.2 Ed25519")
def test_accepts_the_name_that_rfc_9864_gives_eddsa(ask: Ask, sign: Sign) -> None:
    assert ask(sign(alg="Ed25519", kid="EdDSA"), auth=None).status_code == 200


@pytest.mark.requirement("RFC 10070 4 other audiences", "RFC 10070 4 other typ")
@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"aud": [ISSUER]}, {}),
        ({"iat": None}, {}),
        ({"exp": int(time.time()) + 3600}, {}),
        ({}, {"typ": "JWT"}),
        ({}, {"typ": "application/client-authentication+JWT"}),
    ],
)
def test_accepts_what_the_rfc_allows(
    ask: Ask, sign: Sign, claims: dict[str, Any], header: dict[str, Any]
) -> None:
    assert ask(sign(claims, **header), auth=None).status_code == 200


REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "no issuer": (NOT_ONE, {"iss": None}, {}),
    "no subject": (NOT_ONE, {"sub": None}, {}),
    "other subject": (NOT_ONE, {"sub": "flagged"}, {}),
    "list": (NOT_ONE, {"iss": ["bot"], "sub": ["bot"]}, {}),
    "impossible id": (NOT_ONE, {"iss": "b\u00f6t", "sub": "b\u00f6t"}, {}),
    "unknown client": ("unknown client", {"iss": "who", "sub": "who"}, {}),
    "client with a secret": (HAS_SECRET, {"iss": "job", "sub": "job"}, {}),
    "disabled": ("disabled client", {"iss": "bot-off", "sub": "bot-off"}, {}),
    "no audience": (AUD, {"aud": None}, {}),
    "token endpoint": (AUD, {"aud": ENDPOINT}, {}),
    "issuer among others": (AUD, {"aud": [ISSUER, "https://other.example"]}, {}),
    "empty audience": (AUD, {"aud": []}, {}),
    "odd audience": (AUD, {"aud": {"a": 1}}, {}),
    "no expiry": (EXP, {"exp": None}, {}),
    "expiry as text": (EXP, {"exp": "9999999999"}, {}),
    "true expiry": (EXP, {"exp": True}, {}),
    "expired": (EXP, {"exp": time.time() - 61}, {}),
    "expires in two hours": (EXP, {"exp": time.time() + 7200}, {}),
    "expires at infinity": (MALFORMED, {"exp": float("inf")}, {}),
    "expires never": (EXP, {"exp": 10**20}, {}),
    "issued before all time": (MALFORMED, {"iat": -float("inf")}, {}),
    "not a number": (MALFORMED, {"unknown": float("nan")}, {}),
    "very large expiry": (EXP, {"exp": 10**400}, {}),
    "issued tomorrow": (IAT, {"iat": time.time() + 86400}, {}),
    "issued as text": (IAT, {"iat": "1"}, {}),
    "not before tomorrow": (NBF, {"nbf": time.time() + 86400}, {}),
    "no jti": (JTI, {"jti": None}, {}),
    "empty jti": (JTI, {"jti": ""}, {}),
    "jti that is a number": (JTI, {"jti": 1}, {}),
    "no signature algorithm": (ALG, {}, {"alg": "none"}),
    "Ed448": (ALG, {}, {"alg": "Ed448"}),
    "HMAC": (ALG, {}, {"alg": "HS256"}),
    "algorithm list": (ALG, {}, {"alg": ["ES256"]}),
    "algorithm that the key is not for": (KID, {}, {"alg": "RS256", "kid": "ES256"}),
    "unknown kid": (KID, {}, {"kid": "who"}),
    "empty kid": (KID, {}, {"kid": ""}),
    "kid that is a number": ("client_assertion: the kid is not a string", {}, {"kid": 1}),
    "critical header": ("client_assertion: crit is not understood", {}, {"crit": ["b64"], "b64": False}),
    "access token": (TYP, {}, {"typ": "at+jwt"}),
    "proof of possession": (TYP, {}, {"typ": "dpop+jwt"}),
    "empty typ": (TYP, {}, {"typ": ""}),
    "typ that is a number": (TYP, {}, {"typ": 1}),
}


def assert_refused(response: TestResponse, line: dict[str, Any], reason: str) -> None:
    assert response.status_code == 401
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed.",
    }
    assert response.headers["WWW-Authenticate"] == f'Basic realm="{ISSUER}", charset="UTF-8"'
    assert (line["message"], line["error"], line["reason"]) == ("token refused", "invalid_client", reason)


@pytest.mark.requirement(
    "RFC 7523 3 iss and sub",
    "RFC 7523 3 aud",
    "RFC 7523 3 exp",
    "RFC 7523 3 far exp",
    "RFC 7523 3 nbf",
    "RFC 7523 3 signature",
    "RFC 7523 3.2 invalid_client",
    "RFC 10070 4 other audiences",
    "RFC 10070 4 other typ",
    "RFC 7515 4.1.1 alg",
    "RFC 7515 4.1.4 kid",
    "RFC 7515 4.1.11 crit",
    "RFC 7518 3.6 none",
    "RFC 7519 4.1.3 aud",
    "RFC 7519 4.1.4 exp",
    "RFC 7519 4.1.5 nbf",
    "RFC 7519 4.1.4 number",
    "RFC 8725 3.1 algorithms",
    "RFC 8725 3.9 audience",
    "RFC 8725 3.11 typ",
    "RFC 8725 3.12 exclusive rules",
)
@pytest.mark.parametrize("case", REFUSED)
def test_trap_15_answers_the_same_for_every_reason_and_logs_the_true_one(
    ask: Ask, sign: Sign, log_lines: LogLines, case: str
) -> None:
    reason, claims, header = REFUSED[case]
    response = ask(sign(claims, **header), auth=None)
    assert_refused(response, log_lines()[-1], reason)


BROKEN: dict[str, tuple[str, Callable[[dict[str, str]], Any]]] = {
    "no type": (
        "the client_assertion_type is not jwt-bearer",
        lambda form: form.pop("client_assertion_type"),
    ),
    "other type": (
        "the client_assertion_type is not jwt-bearer",
        lambda form: form.update(client_assertion_type="saml2-bearer"),
    ),
    "no assertion": (MALFORMED, lambda form: form.pop("client_assertion")),
    "one part": (MALFORMED, lambda form: form.update(client_assertion="a")),
    "four parts": (MALFORMED, lambda form: form.update(client_assertion=form["client_assertion"] + ".YQ")),
    "no JSON": (MALFORMED, lambda form: form.update(client_assertion="YQ.YQ.YQ")),
    "no object": (MALFORMED, lambda form: form.update(client_assertion="W10.W10.W10")),
    "not base64url": (MALFORMED, lambda form: form.update(client_assertion="e30=.e30=.e30=")),
    "nested deeply": (MALFORMED, lambda form: form.update(client_assertion="W1tb" * 8000 + ".e30.e30")),
    "UTF-16": (MALFORMED, lambda form: form.update(client_assertion=rewritten(form, "utf-16"))),
    "UTF-32 without a mark": (
        MALFORMED,
        lambda form: form.update(client_assertion=rewritten(form, "utf-32-be")),
    ),
    "byte order mark": (MALFORMED, lambda form: form.update(client_assertion=rewritten(form, "utf-8-sig"))),
    "bad length": (MALFORMED, lambda form: form.update(client_assertion="a.a.a")),
    "cut signature": (
        SIGNATURE,
        lambda form: form.update(client_assertion=form["client_assertion"][:-6]),
    ),
    "other signature": (
        SIGNATURE,
        lambda form: form.update(client_assertion=form["client_assertion"][:-86] + "A" * 86),
    ),
}


def rewritten(form: dict[str, str], encoding: str) -> str:
    """Encode the header, which is read before the signature, otherwise than in UTF-8 (RFC 7519 7.2)."""
    header, rest = form["client_assertion"].split(".", 1)
    text = base64.urlsafe_b64decode(header + "==").decode().encode(encoding)
    return f"{base64.urlsafe_b64encode(text).decode().rstrip('=')}.{rest}"


@pytest.mark.requirement(
    "RFC 7523 2.2 parameters",
    "RFC 7523 3 signature",
    "RFC 7523 3 valid",
    "RFC 7515 5.2 UTF-8",
    "RFC 7519 7.2 validation",
    "RFC 8725 3.7 UTF-8",
)
@pytest.mark.parametrize("case", BROKEN)
def test_refuses_what_is_not_an_assertion(ask: Ask, sign: Sign, log_lines: LogLines, case: str) -> None:
    reason, breaks = BROKEN[case]
    form = sign()
    breaks(form)
    assert_refused(ask(form, auth=None), log_lines()[-1], reason)


@pytest.mark.requirement("RFC 6749 2.3.2 registered method")
def test_refuses_a_secret_of_a_client_with_keys(ask: Ask, log_lines: LogLines) -> None:
    assert_refused(
        ask(auth=("bot", "job-secret")), log_lines()[-1], "a secret, but the client is registered with a key"
    )


@pytest.mark.requirement("RFC 6749 2.3 one method")
def test_refuses_two_credentials(ask: Ask, sign: Sign) -> None:
    for response in (ask(sign()), ask(sign() | {"client_secret": "s"}, auth=None)):
        assert response.status_code == 400
        assert response.get_json()["error"] == "invalid_request"


def test_refuses_the_client_id_of_another_client(ask: Ask, sign: Sign) -> None:
    assert ask(sign() | {"client_id": "bot"}, auth=None).status_code == 200
    response = ask(sign() | {"client_id": "flagged"}, auth=None)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.requirement("RFC 10070 4 other audiences")
@pytest.mark.parametrize("aud", [ISSUER, ENDPOINT, [ENDPOINT]])
def test_accepts_the_token_endpoint_as_audience_from_a_flagged_client(ask: Ask, sign: Sign, aud: Any) -> None:
    assert ask(sign({"iss": "flagged", "sub": "flagged", "aud": aud}), auth=None).status_code == 200


@pytest.mark.requirement("RFC 7523 3 jti")
def test_refuses_a_replay_on_every_worker_and_after_a_restart(
    service: Service, sign: Sign, ask: Ask, log_lines: LogLines
) -> None:
    form = {"grant_type": "client_credentials", **sign()}
    another = create_app(service).test_client()
    assert ask(form, auth=None).status_code == 200
    assert_refused(ask(form, auth=None), log_lines()[-1], "client_assertion: replayed")
    assert_refused(another.post("/oauth/token", data=form), log_lines()[-1], "client_assertion: replayed")


@pytest.mark.requirement("RFC 7523 3 far exp")
@given(exp=st.floats(-4000, 8000), iat=st.floats(-200, 200))
@example(exp=-59.0, iat=-3659.0)
@example(exp=3660.0, iat=60.0)
@example(exp=3661.0, iat=60.0)
def test_accepts_an_hour_of_lifetime_by_a_clock_that_is_a_minute_off(exp: float, iat: float) -> None:
    claims: dict[str, Any] = {"aud": ISSUER, "exp": 10**6 + exp, "iat": 10**6 + iat, "jti": "j"}
    assertion = ClientAssertion("bot", CompactJws({"alg": "ES256"}, claims, b"", b""))
    try:
        _, until = check_claims(assertion, [ISSUER], now=10**6)
    except InvalidClientError:
        assert not (-60 < exp <= 3660 and iat <= 60)
    else:
        assert -60 < exp <= 3660
        assert iat <= 60
        assert until >= claims["exp"] + 60, "forgotten while it could still be replayed"


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(assertion=st.text("ey.J0-_=\x7f\u00fc", max_size=40))
def test_never_fails_on_an_assertion(ask: Ask, sign: Sign, assertion: str) -> None:
    form = sign() | {"client_assertion": assertion}
    assert ask(form, auth=None).status_code == 401
