"""Tokens of the shapes that five vendors document: the access token is taken, and the ID token never.

The suite's own issuer signs them. What RFC 9068's checks refuse besides is in test_hostile_tokens.py.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any, get_type_hints

import pytest
from flask.testing import FlaskClient
from protected_api.app import create_app
from protected_api.resource_server.access_token import CHECKS, AccessToken, Policy, verify
from protected_api.resource_server.refusals import RefusalError
from protected_api.resource_server.relaxed_checks import token_checks
from protected_api.resource_server.remembered_tokens import RememberedTokens
from protected_api.resource_server.token_profiles import PROFILES, relaxations
from protected_api.settings import Settings

PAGE = Path(__file__).parents[3] / "docs/timesheets-api.md"
NOW = 1_800_000_000
TIMES = {"iat": NOW, "exp": NOW + 300}
API = "http://localhost:9001"
CLIENT = "import-job"
USER = "5be86359-073c-434b-ad2d-a3932222dabe"
# Header and claims of a client's access token, without `iss`.
ACCESS_TOKENS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "keycloak": (
        {"typ": "JWT"},
        {
            **TIMES,
            "jti": "trrtcc:5cd8d2c6-2be5-3d73-c8a0-4cbd9b18b06a",
            "aud": [API, "account"],
            "sub": USER,
            "typ": "Bearer",
            "azp": CLIENT,
            "acr": "1",
            "realm_access": {"roles": ["offline_access", "uma_authorization"]},
            "scope": "read:timesheets email profile",
            "clientHost": "192.0.2.1",
            "client_id": CLIENT,
            "preferred_username": f"service-account-{CLIENT}",
        },
    ),
    "auth0": (
        {"typ": "JWT"},
        {
            **TIMES,
            "sub": f"{CLIENT}@clients",
            "aud": API,
            "azp": CLIENT,
            "scope": "read:timesheets",
            "gty": "client-credentials",
        },
    ),
    "entra": (
        {"typ": "JWT", "x5t": "rsa"},
        {
            **TIMES,
            "nbf": NOW,
            "aud": API,
            "aio": "k2RgYPhbf6Tt",
            "azp": CLIENT,
            "azpacr": "1",
            "idtyp": "app",
            "oid": USER,
            "rh": "0.AQ",
            "roles": ["read:timesheets", "batch:upload"],
            "sub": USER,
            "tid": USER,
            "uti": "wQ1gvLdZ",
            "ver": "2.0",
        },
    ),
    "okta": (
        {"typ": None},
        {
            **TIMES,
            "ver": 1,
            "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
            "aud": API,
            "cid": CLIENT,
            "scp": ["read:timesheets"],
            "sub": CLIENT,
        },
    ),
    "cognito": (
        {"typ": None},
        {
            **TIMES,
            "sub": CLIENT,
            "token_use": "access",
            "scope": f"{API}/read:timesheets other/read:timesheets",
            "auth_time": NOW,
            "version": 2,
            "jti": USER,
            "client_id": CLIENT,
        },
    ),
}
# What makes an ID token of it. Its audience is a client's id: here the API is registered by such an id.
ID_TOKENS: dict[str, dict[str, Any]] = {
    "keycloak": {"typ": "ID", "auth_time": NOW, "sid": USER, "at_hash": "x", "scope": None},
    "auth0": {"sub": "auth0|6553da60a54af58e29493993", "nonce": "n", "sid": "s", "gty": None},
    "entra": {
        "idtyp": None,
        "azp": None,
        "azpacr": None,
        "nonce": "n",
        "name": "A",
        "roles": ["read:timesheets"],
    },
    "okta": {"jti": "ID.4eAWJOCMB3SX8XewDfVR", "cid": None, "scp": None, "idp": "00ok1u7AsAkrwdZL3z0g3"},
    "cognito": {
        "token_use": "id",
        "aud": API,
        "client_id": None,
        "scope": None,
        "cognito:username": "janedoe",
    },
}
PROOF = ("access-token-proof", "Nothing proves that the token is an access token.")
REQUIRED = ("required-claims", "A claim that RFC 9068 requires is missing or of the wrong type.")
TYP = ("typ", "The token is not of a type that the profile takes.")
AUDIENCE = ("audience", "The token is for another audience.")
SCOPES = ("required-claims", "The scopes of the token are not words.")
CLIENTS = {"cognito": [CLIENT]}

Signer = Callable[..., str]


@pytest.fixture
def signed(issuer: Any) -> Signer:
    """Return a function that makes a token of a profile, with changes to its claims or header."""

    def sign(profile: str, header: dict[str, Any] | None = None, **changes: Any) -> str:
        own_header, own_claims = ACCESS_TOKENS[profile]
        nothing = dict.fromkeys(issuer.claims())
        token: str = issuer.token(
            {**own_header, **(header or {})}, **{**nothing, **own_claims, "iss": issuer.url, **changes}
        )
        return token

    return sign


def verified(profile: str, token: str, policy: Policy, clients: list[str] | None = None) -> AccessToken:
    return verify(AccessToken(token), policy, token_checks(profile, clients or CLIENTS.get(profile, [])))


def refused(profile: str, token: str, policy: Policy, clients: list[str] | None = None) -> tuple[str, str]:
    """Return the check that refuses the token, and its reason."""
    with pytest.raises(RefusalError) as refusal:
        verified(profile, token, policy, clients)
    reason = str(refusal.value)
    assert refusal.value.status == 401
    assert refusal.value.challenge == {"error": "invalid_token", "error_description": reason}
    return refusal.value.check, reason


@pytest.mark.parametrize("profile", ACCESS_TOKENS)
def test_takes_an_access_token_and_gives_its_claims_the_names_of_rfc_9068(
    profile: str, signed: Signer, policy: Policy
) -> None:
    token = verified(profile, signed(profile), policy)
    assert (token.client_id, token.scope[0]) == (CLIENT, "read:timesheets")


@pytest.mark.parametrize("profile", ACCESS_TOKENS)
def test_rfc_9068_refuses_it(profile: str, signed: Signer, policy: Policy) -> None:
    """So no profile is what it already was; and no other profile steps in."""
    assert refused("rfc9068", signed(profile), policy) == ("typ", "The token is not of type at+jwt.")


@pytest.mark.requirement("RFC 9068 5 ID tokens", "RFC 8725 3.12 exclusive rules")
@pytest.mark.parametrize("profile", ID_TOKENS)
def test_refuses_an_id_token_of_the_same_server(profile: str, signed: Signer, policy: Policy) -> None:
    assert refused(profile, signed(profile, **ID_TOKENS[profile]), policy) == PROOF


@pytest.mark.parametrize("profile", ID_TOKENS)
@pytest.mark.parametrize("claim", ["nonce", "at_hash", "c_hash"])
def test_refuses_a_claim_that_only_id_tokens_have(
    profile: str, claim: str, signed: Signer, policy: Policy
) -> None:
    assert refused(profile, signed(profile, **{claim: "x"}), policy) == PROOF


@pytest.mark.parametrize(
    ("profile", "changes", "refusal"),
    [
        ("keycloak", {"typ": "Refresh"}, PROOF),
        ("keycloak", {"typ": ["Bearer"]}, PROOF),
        ("keycloak", {"typ": None}, PROOF),
        ("keycloak", {"azp": None}, REQUIRED),  # and client_id does not stand in for it
        ("keycloak", {"azp": ["import-job"]}, REQUIRED),
        ("keycloak", {"jti": None}, REQUIRED),
        ("keycloak", {"sub": None}, REQUIRED),
        ("keycloak", {"aud": None}, AUDIENCE),  # as long as no audience mapper is set up
        ("keycloak", {"aud": "account"}, AUDIENCE),
        ("keycloak", {"scope": 5}, SCOPES),
        ("auth0", {"sub": "another@clients"}, PROOF),
        ("auth0", {"sub": None}, PROOF),
        ("auth0", {"azp": None, "sub": "None@clients"}, REQUIRED),
        ("auth0", {"jti": 5}, REQUIRED),
        ("entra", {"idtyp": "user"}, PROOF),
        ("entra", {"idtyp": None}, PROOF),  # the optional claim is not set up
        ("entra", {"azp": None}, REQUIRED),
        ("entra", {"roles": [5]}, SCOPES),
        ("entra", {"roles": ["read:timesheets batch:upload"]}, SCOPES),  # one role is not two scopes
        ("entra", {"roles": {"read:timesheets": 1}}, SCOPES),
        ("okta", {"cid": None}, PROOF),
        ("okta", {"cid": 5}, PROOF),
        ("okta", {"cid": ""}, REQUIRED),
        ("okta", {"idp": "00ok1u7AsAkrwdZL3z0g3"}, PROOF),  # an ID token with a claim cid of one's own
        ("cognito", {"token_use": None}, PROOF),
        ("cognito", {"client_id": None}, REQUIRED),
        ("cognito", {"aud": "https://another.example"}, AUDIENCE),
        ("cognito", {"exp": None}, REQUIRED),
    ],
)
def test_refuses_what_its_profile_does_not_take(
    profile: str, changes: dict[str, Any], refusal: tuple[str, str], signed: Signer, policy: Policy
) -> None:
    assert refused(profile, signed(profile, **changes), policy) == refusal


@pytest.mark.requirement("RFC 9068 4 typ")
@pytest.mark.parametrize(
    ("profile", "typ"),
    [
        *((profile, typ) for profile in ACCESS_TOKENS for typ in ("logout+jwt", "dpop+jwt", 5, ["JWT"])),
        *((profile, None) for profile in ("keycloak", "auth0", "entra")),
        *((profile, "at+jwt") for profile in ("auth0", "entra", "okta", "cognito")),
    ],
)
def test_refuses_a_header_typ_that_its_profile_does_not_take(
    profile: str, typ: Any, signed: Signer, policy: Policy
) -> None:
    assert refused(profile, signed(profile, {"typ": typ}), policy) == TYP


@pytest.mark.parametrize(
    ("profile", "header", "changes"),
    [
        ("keycloak", {"typ": "at+jwt"}, {}),  # by a setting of Keycloak's client
        ("keycloak", {}, {"typ": "DPoP"}),
        ("keycloak", {}, {"client_id": "another"}),  # azp says who it is
        ("entra", {}, {"azp": None, "appid": CLIENT, "ver": "1.0"}),
        ("okta", {"typ": "JWT"}, {}),
        ("okta", {}, {"scp": "read:timesheets"}),
        ("cognito", {}, {"aud": API}),
    ],
)
def test_takes_what_a_server_may_send_instead(
    profile: str, header: dict[str, Any], changes: dict[str, Any], signed: Signer, policy: Policy
) -> None:
    token = verified(profile, signed(profile, header, **changes), policy)
    assert (token.client_id, token.scope[0]) == (CLIENT, "read:timesheets")


@pytest.mark.parametrize("profile", ACCESS_TOKENS)
def test_a_remembered_token_keeps_its_claims_and_its_expiry(
    profile: str, signed: Signer, policy: Policy, clock: Any
) -> None:
    tokens = RememberedTokens(policy, 10, token_checks(profile, [CLIENT]))
    token = signed(profile)
    assert tokens.verify(token).claims["sub"] == ACCESS_TOKENS[profile][1]["sub"]
    clock.now = NOW + 300 + policy.clock_skew
    with pytest.raises(RefusalError, match="expired"):
        tokens.verify(token)


def test_only_a_blank_separates_two_scopes(signed: Signer, policy: Policy) -> None:
    token = signed("okta", scp="read:timesheets\tbatch:upload")
    assert verified("okta", token, policy).scope == ["read:timesheets\tbatch:upload"]


@pytest.mark.parametrize("profile", ACCESS_TOKENS)
def test_a_token_without_scopes_grants_nothing(profile: str, signed: Signer, policy: Policy) -> None:
    scope = PROFILES[profile].scope  # type: ignore[union-attr]
    assert verified(profile, signed(profile, **{scope: None}), policy).scope == [""]


def test_reads_only_the_scopes_of_this_api_where_they_carry_its_name(signed: Signer, policy: Policy) -> None:
    token = signed("cognito", scope=f"openid other/batch:upload {API}/read:timesheets")
    assert verified("cognito", token, policy).scope == ["read:timesheets"]


def test_takes_a_token_of_many_roles_as_long_as_the_limit_allows(signed: Signer, policy: Policy) -> None:
    token = signed("entra", roles=["read:timesheets", *(f"role:{number}" for number in range(400))])
    assert refused("entra", token, policy) == ("size", "The token is longer than 4096 characters.")
    assert len(verified("entra", token, replace(policy, max_length=16384)).scope) == 401


@pytest.mark.parametrize("profile", PROFILES)
def test_only_named_clients_may_call_if_any_are_named(
    profile: str, signed: Signer, issuer: Any, policy: Policy
) -> None:
    token = issuer.token(**TIMES) if profile == "rfc9068" else signed(profile)
    assert verified(profile, token, policy, [CLIENT, "another"]).client_id == CLIENT
    refusal = ("client-allowed", "The client of the token is not allowed.")
    assert refused(profile, token, policy, ["another"]) == refusal


def test_demands_named_clients_where_a_token_may_lack_an_audience() -> None:
    with pytest.raises(ValueError, match="name the clients: tokens of the profile cognito may lack"):
        token_checks("cognito")


def test_raises_an_error_for_an_unknown_profile() -> None:
    with pytest.raises(KeyError):
        token_checks("keycloack")


def test_the_default_makes_the_checks_of_rfc_9068_and_no_other() -> None:
    assert token_checks("rfc9068") is CHECKS


@pytest.mark.parametrize("profile", ACCESS_TOKENS)
def test_a_profile_makes_every_check_of_rfc_9068_or_one_of_its_name(profile: str) -> None:
    checks = token_checks(profile, [CLIENT])
    names = [check.__name__ for check in checks]
    assert [name for name in names if name not in {"access_token_proof", "client_allowed"}] == [
        check.__name__ for check in CHECKS
    ]
    assert {get_type_hints(check)["return"] for check in checks} == {NoneType}


def test_names_each_relaxation_with_what_it_costs() -> None:
    assert relaxations("rfc9068") == []
    assert relaxations("auth0") == [
        "proves an access token by its claim sub ({client_id}@clients), not by the type in its header",
        "takes the header typ jwt, as of an ID token: only the proof tells them apart",
        "reads the client from azp, which only the server's documentation defines",
        "takes tokens without jti: no log can tell two tokens of a client apart",
    ]


def test_the_docs_show_the_lines_of_the_log() -> None:
    [shown] = re.findall(r"```text\n(TOKEN_PROFILE=.*?)```", PAGE.read_text(), re.DOTALL)
    lines = [f"TOKEN_PROFILE={profile} {line}" for profile in PROFILES for line in relaxations(profile)]
    assert shown.splitlines() == lines


def test_serves_a_request_with_such_a_token_and_logs_what_it_relaxes(
    settings: Settings, issuer: Any, signed: Signer
) -> None:
    settings = replace(settings, profile="okta", aud="api://default", client_id="x", client_secret_file="/x")
    app = create_app(settings)
    assert app.extensions["warnings"] == [f"TOKEN_PROFILE=okta {line}" for line in relaxations("okta")]
    client: FlaskClient = app.test_client()
    now = issuer.claims()
    for audience, status in (("api://default", 200), (API, 401)):
        token = signed("okta", aud=audience, iat=now["iat"], exp=now["exp"])
        answer = client.get("/timesheets", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.endswith(f'resource_metadata="{API}/.well-known/oauth-protected-resource"')


def test_each_start_logs_once_what_is_relaxed(
    start_workers: Callable[..., Any], signed: Signer, issuer: Any
) -> None:
    workers = start_workers(TOKEN_PROFILE="okta")
    times = {"iat": issuer.claims()["iat"], "exp": issuer.claims()["exp"]}
    assert workers.status(signed("okta", **times)) == 200
    assert workers.status(signed("okta", **times, **ID_TOKENS["okta"])) == 401
    log = workers.log.read_text()
    assert [log.count(f"TOKEN_PROFILE=okta {line}") for line in relaxations("okta")] == [1, 1, 1, 1]
