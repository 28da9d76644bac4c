"""Federated workload identity: a platform's token as client assertion, one answer for every refusal."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from auth_server.app import create_app
from auth_server.errors import InvalidClientError
from auth_server.protocol.federated_assertion import federated_clients
from auth_server.protocol.platform_token import check_times
from auth_server.startup import Service, apply, open_service
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

Ask = Callable[..., TestResponse]
Sign = Callable[..., dict[str, str]]
LogLines = Callable[[], list[dict[str, Any]]]
ISSUER = "https://issuer.example"
SPIFFE = {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"}

CLUSTER = "https://kubernetes.default.svc.cluster.local"
GITHUB = "https://token.actions.githubusercontent.com"
SPIRE = "https://oidc-discovery.example.org"
KEYCLOAK = "https://sso.partner.example/realms/partner"
ENTRA = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0"
SUBJECTS = {
    "pod": (CLUSTER, "system:serviceaccount:timesheets:import-job"),
    "workflow": (GITHUB, "repo:exampleco/timesheets:environment:production"),
    "svid": (SPIRE, "spiffe://example.org/ns/timesheets/sa/import-job"),
    "partner": (KEYCLOAK, "6a5b4c3d-0000-4000-8000-123456789abc"),
    "managed-identity": (ENTRA, "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb"),
    "pod-off": (CLUSTER, "system:serviceaccount:timesheets:off"),
}
MORE = {
    "svid": ", trust_domain: example.org",
    "managed-identity": ', audience: "11112222-bbbb-3333-cccc-4444dddd5555"',
}
POD = {"iss": CLUSTER, "sub": SUBJECTS["pod"][1], "jti": None}


def declared() -> Iterator[str]:
    for client, (issuer, subject) in SUBJECTS.items():
        federated = f'issuer: "{issuer}", subject: "{subject}", jwks_file: bot.json{MORE.get(client, "")}'
        enabled = "false" if client == "pod-off" else "true"
        yield f"  - {{client_id: {client}, name: F, enabled: {enabled}, federated: {{{federated}}}}}\n"
    yield "grants:\n"
    for client in SUBJECTS:
        yield f'  - {{client: {client}, audience: "https://rs.example", scopes: [read]}}\n'


@pytest.fixture
def service(environ: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace("grants:\n", "".join(declared()), 1))
    service = open_service(environ)
    apply(service)
    yield service
    service.engine.dispose()


@pytest.fixture
def app(service: Service) -> Flask:
    return create_app(service, federated_clients)


NOW = int(time.time())
KUBERNETES_IO = {
    "namespace": "timesheets",
    "node": {"name": "worker-1", "uid": "517eb86e-b863-451b-bf70-86cb61439a3a"},
    "pod": {"name": "import-job-7d9c", "uid": "0d8b260e-ef0e-45fb-be8e-ff44f97722e8"},
    "serviceaccount": {"name": "import-job", "uid": "e6a8680e-d103-4cce-80ea-03acbbeacf7d"},
}
SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pod": (  # a projected service-account token: kubelet asks for an hour, and the header has no typ
        {
            "aud": [ISSUER],
            "exp": NOW + 3600,
            "iat": NOW,
            "jti": "e51f1fbc-4733-4b85-a59f-ba80c0523874",
            "kubernetes.io": KUBERNETES_IO,
            "nbf": NOW,
        },
        {"alg": "RS256"},
    ),
    "workflow": (  # GitHub Actions: core.getIDToken("https://issuer.example")
        {
            "jti": "example-id",
            "aud": ISSUER,
            "environment": "production",
            "ref": "refs/heads/main",
            "repository": "exampleco/timesheets",
            "repository_owner": "exampleco",
            "repository_visibility": "private",
            "run_id": "1234567890",
            "actor": "octocat",
            "event_name": "schedule",
            "ref_type": "branch",
            "job_workflow_ref": "exampleco/timesheets/.github/workflows/import.yml@refs/heads/main",
            "runner_environment": "github-hosted",
            "nbf": NOW - 300,
            "exp": NOW + 300,
            "iat": NOW,
        },
        {"alg": "RS256", "typ": "JWT", "x5t": "ykNaY4qM_ta4k2TgZOCEYLkcYlA"},
    ),
    "svid": (  # SPIRE without jwt_issuer: no iss
        {"iss": None, "jti": None, "aud": [ISSUER], "exp": NOW + 300, "iat": NOW},
        {"alg": "ES256", "typ": "JWT"},
    ),
    "partner": (  # Keycloak, the service account of a client, with an audience mapper
        {
            "jti": "trrtcc:0c8f6c5e-3f5e-4e55-93e6-6f8f7f6a8a5b",
            "aud": [ISSUER, "account"],
            "exp": NOW + 300,
            "iat": NOW,
            "typ": "Bearer",
            "azp": "timesheets-sync",
            "acr": "1",
            "realm_access": {"roles": ["offline_access", "uma_authorization"]},
            "scope": "profile email",
            "clientHost": "10.0.0.7",
            "preferred_username": "service-account-timesheets-sync",
            "client_id": "timesheets-sync",
        },
        {"alg": "EdDSA", "typ": "JWT"},
    ),
    "managed-identity": (  # Entra, version 2.0 for an app registration that stands for our server
        {
            "jti": None,
            "aud": "11112222-bbbb-3333-cccc-4444dddd5555",
            "iat": NOW,
            "nbf": NOW,
            "exp": NOW + 86399,
            "aio": "k2JgYPjyYcGHPwA=",
            "azp": "00001111-aaaa-2222-bbbb-3333cccc4444",
            "azpacr": "2",
            "oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb",
            "rh": "1.AXkA",
            "tid": "aaaabbbb-0000-cccc-1111-dddd2222eeee",
            "uti": "abcdefghijklmnop",
            "ver": "2.0",
        },
        {"alg": "RS256", "typ": "JWT"},
    ),
}


@pytest.mark.requirement("RFC 7523 3 iss and sub")
@pytest.mark.parametrize("platform", SHAPES)
def test_accepts_the_token_of_each_platform(ask: Ask, sign: Sign, platform: str) -> None:
    claims, header = SHAPES[platform]
    issuer, subject = SUBJECTS[platform]
    form = sign({"iss": issuer, "sub": subject} | claims, **header)
    if platform == "svid":
        form |= SPIFFE
    for client_id in ({}, {"client_id": platform}):
        response = ask(form | client_id, auth=None)
        assert (response.status_code, response.get_json()["scope"]) == (200, "read")


def test_accepts_a_token_again_until_it_expires(ask: Ask, sign: Sign, service: Service) -> None:
    form = sign(POD | {"jti": "one"})
    another = create_app(service, federated_clients).test_client()
    assert [ask(form, auth=None).status_code for _ in range(3)] == [200] * 3
    assert another.post("/oauth/token", data={"grant_type": "client_credentials"} | form).status_code == 200


def test_a_client_without_it_authenticates_as_before(ask: Ask, sign: Sign) -> None:
    assert ask(sign(), auth=None).status_code == 200
    assert ask().status_code == 200


@pytest.mark.parametrize("form", [{}, SPIFFE])
def test_accepts_a_svid_with_an_issuer(ask: Ask, sign: Sign, form: dict[str, str]) -> None:
    issuer, subject = SUBJECTS["svid"]
    svid = sign({"iss": issuer, "sub": subject, "jti": None}, typ="JOSE")
    assert ask(svid | form, auth=None).status_code == 200


def test_accepts_a_svid_that_does_not_say_when_it_was_issued(ask: Ask, sign: Sign) -> None:
    svid = {"iss": None, "iat": None, "jti": None, "sub": SUBJECTS["svid"][1]}
    assert ask(sign(svid | {"exp": time.time() + 86000}) | SPIFFE, auth=None).status_code == 200
    assert ask(sign(svid | {"exp": time.time() + 87000}) | SPIFFE, auth=None).status_code == 401


def test_serves_introspection_and_revocation_too(ask: Ask, sign: Sign, app: Flask) -> None:
    token = ask(sign(POD), auth=None).get_json()["access_token"]
    client = app.test_client()
    assert client.post("/oauth/introspect", data={"token": token} | sign(POD)).get_json()["active"] is True
    assert client.post("/oauth/revoke", data={"token": token} | sign(POD)).status_code == 200
    assert client.post("/oauth/introspect", data={"token": token} | sign(POD)).get_json() == {"active": False}


def at(claim: str, value: Any) -> dict[str, Any]:
    return POD | {claim: value}


C = "client_assertion: "
NOT_DECLARED = C + "the issuer https://elsewhere.example is not declared"
REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "another audience": (C + "another audience", at("aud", "https://elsewhere.example"), {}),
    "several other audiences": (C + "another audience", at("aud", ["a", {"b": ISSUER}]), {}),
    "no audience": (C + "another audience", at("aud", None), {}),
    "part of an audience": (C + "another audience", at("aud", ISSUER + "/oauth/token"), {}),
    "audience as an object": (C + "another audience", at("aud", {ISSUER: 1}), {}),
    "another subject": (
        f"no client has the subject system:serviceaccount:timesheets:other of {CLUSTER}",
        at("sub", "system:serviceaccount:timesheets:other"),
        {},
    ),
    "part of a subject": (
        f"no client has the subject system:serviceaccount:timesheets:import-job-2 of {CLUSTER}",
        at("sub", "system:serviceaccount:timesheets:import-job-2"),
        {},
    ),
    "subject of another issuer": (
        f"no client has the subject {SUBJECTS['workflow'][1]} of {CLUSTER}",
        at("sub", SUBJECTS["workflow"][1]),
        {},
    ),
    "disabled": ("disabled client", at("sub", SUBJECTS["pod-off"][1]), {}),
    "undeclared issuer": (NOT_DECLARED, at("iss", "https://elsewhere.example"), {}),
    "issuer with a slash": (C + f"the issuer {CLUSTER}/ is not declared", at("iss", CLUSTER + "/"), {}),
    "issuer that may be a secret": (C + "the issuer is not declared", at("iss", "Hunter2 & more"), {}),
    "no issuer": (C + "the iss is missing or not a name", at("iss", None), {}),
    "issuer as a list": (C + "the iss is missing or not a name", at("iss", [CLUSTER]), {}),
    "NUL": (C + "the iss is missing or not a name", at("iss", "a\0"), {}),
    "half a surrogate pair": (C + "the sub is missing or not a name", at("sub", "\ud800"), {}),
    "no subject": (C + "the sub is missing or not a name", at("sub", None), {}),
    "long subject": (C + "the sub is missing or not a name", at("sub", "s" * 501), {}),
    "expired": (C + "the exp is missing or past", at("exp", time.time() - 61), {}),
    "no expiry": (C + "the exp is missing or past", at("exp", None), {}),
    "expiry as text": (C + "the exp is missing or past", at("exp", "9999999999"), {}),
    "lives for two days": (C + "it lives longer than 86400 s", at("exp", time.time() + 2 * 86400), {}),
    "very large expiry": (C + "it lives longer than 86400 s", at("exp", 10**400), {}),
    "very early issue": (C + "it lives longer than 86400 s", at("iat", -(10**400)), {}),
    "issued tomorrow": (C + "the iat is wrong", at("iat", time.time() + 3600), {}),
    "issued as text": (C + "it lives longer than 86400 s", at("iat", "1"), {}),
    "not before tomorrow": (C + "the nbf is wrong", at("nbf", time.time() + 3600), {}),
    "no signature": (C + "the alg is not one of RS256, ES256, EdDSA, Ed25519", POD, {"alg": "none"}),
    "HMAC": (C + "the alg is not one of RS256, ES256, EdDSA, Ed25519", POD, {"alg": "HS256"}),
    "unknown kid": (C + f"no ES256 key of {CLUSTER} has this kid", POD, {"kid": "who"}),
    "kid of another algorithm": (C + f"no ES256 key of {CLUSTER} has this kid", POD, {"kid": "RS256"}),
    "kid as a number": (C + "the kid is not a string", POD, {"kid": 1}),
    "critical header": (C + "crit is not understood", POD, {"crit": ["b64"], "b64": False}),
    "access token": (C + "the typ is not that of an assertion", POD, {"typ": "at+jwt"}),
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
    "RFC 7523 3 aud",
    "RFC 7523 3 exp",
    "RFC 7523 3 nbf",
    "RFC 7515 4.1.11 crit",
    "RFC 8725 3.8 issuer",
    "RFC 8725 3.8 subject",
)
@pytest.mark.parametrize("case", REFUSED)
def test_answers_the_same_for_every_reason_and_logs_the_true_one(
    ask: Ask, sign: Sign, log_lines: LogLines, case: str
) -> None:
    reason, claims, header = REFUSED[case]
    assert_refused(ask(sign(claims, **header), auth=None), log_lines()[-1], reason)


SPIFFE_REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "undeclared trust domain": (
        C + "the issuer the trust domain example.com is not declared",
        {"sub": "spiffe://example.com/ns/timesheets/sa/import-job"},
    ),
    "another workload": (
        "no client has the subject spiffe://example.org/other of the trust domain example.org",
        {"sub": "spiffe://example.org/other"},
    ),
    "no SPIFFE ID": (C + "the sub is not a SPIFFE ID", {"sub": "job"}),
    "a trust domain alone": (C + "the sub is not a SPIFFE ID", {"sub": "spiffe://example.org/"}),
    "another issuer": (NOT_DECLARED, {"iss": "https://elsewhere.example"}),
}


@pytest.mark.parametrize("case", SPIFFE_REFUSED)
def test_refuses_another_svid(ask: Ask, sign: Sign, log_lines: LogLines, case: str) -> None:
    reason, change = SPIFFE_REFUSED[case]
    claims = {"iss": None, "sub": SUBJECTS["svid"][1], "jti": None} | change
    assert_refused(ask(sign(claims) | SPIFFE, auth=None), log_lines()[-1], reason)


def test_refuses_a_svid_without_issuer_as_another_kind_of_assertion(
    ask: Ask, sign: Sign, log_lines: LogLines
) -> None:
    svid = sign({"iss": None, "sub": SUBJECTS["svid"][1]})
    assert_refused(ask(svid, auth=None), log_lines()[-1], C + "the iss is missing or not a name")


def test_refuses_a_wrong_signature(ask: Ask, sign: Sign, log_lines: LogLines) -> None:
    form = sign(POD)
    form["client_assertion"] = form["client_assertion"][:-86] + "A" * 86
    assert_refused(ask(form, auth=None), log_lines()[-1], C + "wrong signature")


def test_refuses_what_is_no_token(ask: Ask, sign: Sign, log_lines: LogLines) -> None:
    form = sign(POD) | {"client_assertion": "eyJ.eyJ.x"}
    assert_refused(ask(form, auth=None), log_lines()[-1], C + "malformed")
    assert_refused(
        ask(sign(POD) | {"client_assertion_type": "saml2-bearer"}, auth=None),
        log_lines()[-1],
        "the client_assertion_type is not jwt-bearer",
    )


def test_refuses_the_client_id_of_another_client(ask: Ask, sign: Sign) -> None:
    response = ask(sign(POD) | {"client_id": "workflow"}, auth=None)
    assert response.status_code == 400
    assert response.get_json() == {
        "error": "invalid_request",
        "error_description": "The client_id is not that of the authenticated client.",
    }


@pytest.mark.requirement("RFC 6749 2.3.2 registered method")
def test_a_federated_client_has_no_other_credential(ask: Ask, sign: Sign, log_lines: LogLines) -> None:
    assert_refused(
        ask(auth=("pod", "guess")), log_lines()[-1], "a secret, but the client is registered without one"
    )
    own = sign({"iss": "pod", "sub": "pod"})
    reason = "a signed assertion, but the client is registered without a key"
    assert_refused(ask(own, auth=None), log_lines()[-1], reason)


@pytest.mark.usefixtures("service")
def test_counts_failures_and_accepts_a_right_token_all_the_same(environ: dict[str, str], sign: Sign) -> None:
    limited = open_service(environ | {"FAILED_LOGINS_PER_MINUTE": "2"})
    client = create_app(limited, federated_clients).test_client()

    def send(form: dict[str, str]) -> TestResponse:
        return client.post("/oauth/token", data={"grant_type": "client_credentials"} | form)

    statuses = [send(sign(at("iss", "https://elsewhere.example"))).status_code for _ in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert send(sign(POD)).status_code == 200
    limited.engine.dispose()


@pytest.mark.databases("sqlite", "postgresql")
def test_sees_a_disabled_client_and_another_subject_at_once(
    environ: dict[str, str], ask: Ask, sign: Sign, tmp_path: Path
) -> None:
    assert ask(sign(POD), auth=None).status_code == 200
    tenant = tmp_path / "tenant.yaml"
    tenant.write_text(tenant.read_text().replace(":import-job", ":moved"))
    again = open_service(environ)
    changes = [str(change) for change in apply(again)]
    assert f"+ federated_subject {CLUSTER} system:serviceaccount:timesheets:moved" in changes
    assert f"- federated_subject {CLUSTER} system:serviceaccount:timesheets:import-job" in changes
    again.engine.dispose()
    assert ask(sign(POD), auth=None).status_code == 401
    assert ask(sign(at("sub", "system:serviceaccount:timesheets:moved")), auth=None).status_code == 200


@pytest.mark.usefixtures("service")
def test_two_clients_can_swap_their_subjects(environ: dict[str, str], tmp_path: Path) -> None:
    tenant = tmp_path / "tenant.yaml"
    one = SUBJECTS["pod"][1]
    other = SUBJECTS["pod-off"][1]
    text = tenant.read_text().replace(one, "MOVED").replace(other, one).replace("MOVED", other)
    tenant.write_text(text)
    again = open_service(environ)
    changed = [change.listed()["values"] for change in apply(again)]
    assert changed == [{"client_id": ["pod", "pod-off"]}, {"client_id": ["pod-off", "pod"]}]
    again.engine.dispose()


def test_keys_that_cannot_be_had_are_not_the_clients_fault(
    ask: Ask, sign: Sign, log_lines: LogLines, tmp_path: Path
) -> None:
    """503 and no challenge (RFC 9110 15.6.4): after a 401, the client would suspect its token."""
    (tmp_path / "bot.json").unlink()
    response = ask(sign(POD), auth=None)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
    assert response.get_json()["error"] == "temporarily_unavailable"
    assert "WWW-Authenticate" not in response.headers
    reason = "the issuer's key file bot.json cannot be read (No such file or directory)"
    assert log_lines()[-1]["reason"] == reason
    undeclared = ask(sign(at("iss", "https://elsewhere.example")), auth=None)
    assert undeclared.status_code == 401


def test_no_answer_and_no_log_has_the_token(ask: Ask, sign: Sign, log_lines: LogLines) -> None:
    form = sign(at("sub", "system:serviceaccount:timesheets:other"))
    answer = ask(form, auth=None)
    shown = answer.text + str(answer.headers) + str(log_lines())
    assert not [part for part in form["client_assertion"].split(".") if part in shown]


def test_the_metadata_names_the_method_that_has_a_name(app: Flask, service: Service) -> None:
    def methods(served: Flask) -> Any:
        metadata = served.test_client().get("/.well-known/oauth-authorization-server").get_json()
        return metadata["token_endpoint_auth_methods_supported"]

    assert methods(app) == ["client_secret_basic", "client_secret_post", "private_key_jwt", "spiffe_jwt"]
    assert "spiffe_jwt" not in methods(create_app(service))


@given(exp=st.floats(-200, 90000), iat=st.none() | st.floats(-90000, 200))
@example(exp=-59.0, iat=-3659.0)
@example(exp=86400.0, iat=None)
@example(exp=86460.0, iat=60.0)
def test_accepts_a_day_of_lifetime_by_a_clock_that_is_a_minute_off(exp: float, iat: float | None) -> None:
    now = 10**6
    claims = {"exp": now + exp} | ({} if iat is None else {"iat": now + iat})
    issued = claims.get("iat", now)
    good = exp > -60 and claims["exp"] <= issued + 86400 and issued <= now + 60
    try:
        check_times(claims, 86400, now)
    except InvalidClientError:
        assert not good
    else:
        assert good


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "kubernetes.io"])


@pytest.mark.fuzz
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    claims=st.dictionaries(NAMES, JSON, max_size=4),
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "jku", "x5c"]), JSON, max_size=2),
    spiffe=st.booleans(),
)
def test_never_fails_and_never_accepts_what_is_changed(
    ask: Ask, sign: Sign, claims: dict[str, Any], header: dict[str, Any], spiffe: bool
) -> None:
    form = sign(POD | claims, **{k: v for k, v in header.items() if v != "ES256"})
    form |= SPIFFE if spiffe else {}
    response = ask(form, auth=None)
    assert response.status_code in (200, 401)
    if response.status_code == 200:
        kept = {"iss", "sub", "aud", "exp"} - claims.keys()
        assert {"iss", "sub"} <= kept
        assert not spiffe
        assert "aud" in kept or ISSUER in (claims["aud"] or ())


@pytest.mark.fuzz
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1), character=st.sampled_from("AZaz09-_.=+ ü"))
def test_never_accepts_a_token_of_which_one_character_is_another(
    ask: Ask, sign: Sign, place: float, character: str
) -> None:
    form = sign(POD)
    token = form["client_assertion"]
    index = int(place * (len(token) - 1))
    form["client_assertion"] = token[:index] + character + token[index + 1 :]
    expected = 200 if form["client_assertion"] == token else 401
    assert ask(form, auth=None).status_code == expected
