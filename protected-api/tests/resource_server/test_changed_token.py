"""A token with any change is refused, and so are generated headers and claims (RFC 9068 4)."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

AUDIENCE = "http://localhost:9001"
SOON = int(time.time()) + 3600
WORDS = st.sampled_from(
    ["at+jwt", "JWT", "RS256", "none", "rsa", "ec", AUDIENCE, "read:timesheets", "import-job"]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS | st.just(SOON)
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
HEADERS = st.dictionaries(
    st.sampled_from(["typ", "alg", "kid", "crit", "jwk", "b64", "zip"]), VALUES, max_size=2
)
MEMBERS = ["iss", "aud", "sub", "client_id", "exp", "iat", "nbf", "jti", "scope", "cnf"]
CLAIMS = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=2)
pytestmark = pytest.mark.fuzz
fuzzed = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def reader(shared_app: Any) -> FlaskClient:
    client: FlaskClient = shared_app.test_client()
    return client


def read(client: FlaskClient, authorization: str) -> TestResponse:
    return client.get("/timesheets", environ_overrides={"HTTP_AUTHORIZATION": authorization})


def assert_refused(response: TestResponse) -> None:
    """Assert that the answer is a refusal with a challenge, or 400 without a usable header (RFC 6750 3)."""
    body = response.get_json()
    assert response.status_code in (400, 401, 403), response.text
    assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert body.get("status", response.status_code) == response.status_code
    assert body.keys() & {"error", "title"}


@fuzzed
@given(data=st.data())
def test_no_header_with_a_change_is_accepted(
    reader: FlaskClient, shared_issuer: Any, change: Callable[[Any, str], str], data: st.DataObject
) -> None:
    right = f"Bearer {shared_issuer.token(data.draw(st.sampled_from([{}, {'kid': 'ec', 'alg': 'ES256'}])))}"
    changed = change(data, right).encode(errors="replace").decode("latin-1")
    response = read(reader, changed)
    scheme, _, token = changed.partition(" ")
    if response.status_code == 200:
        assert (scheme.lower(), token.strip(" ")) == ("bearer", right.removeprefix("Bearer "))
    else:
        assert_refused(response)
        assert changed != right


def right(header: dict[str, Any], claims: dict[str, Any], issuer: str) -> bool:
    """Return whether a signed token is right, in the words of RFC 9068 4 and RFC 7515 4.1.11."""
    now = time.time()

    def time_of(name: str, absent: float) -> float:
        value = claims.get(name, absent)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")

    typ, audience = header.get("typ"), claims.get("aud")
    key = {"rsa": "RS256", "ec": "ES256", "ed": "EdDSA"}
    return (
        isinstance(typ, str)
        and typ.lower().removeprefix("application/") == "at+jwt"
        and isinstance(header.get("kid"), str)
        and key.get(header["kid"]) == header.get("alg")
        and "crit" not in header
        and claims.get("iss") == issuer
        and (audience == AUDIENCE or (isinstance(audience, list) and AUDIENCE in audience))
        and all(isinstance(claims.get(name), str) and claims[name] for name in ("sub", "client_id", "jti"))
        and now - 60 < time_of("exp", float("nan"))
        and time_of("iat", float("nan")) <= now + 60
        and time_of("nbf", 0) <= now + 60
        and isinstance(claims.get("scope"), str)
        and "read:timesheets" in claims["scope"].split(" ")
        and "cnf" not in claims
    )


@fuzzed
@given(header=HEADERS, claims=CLAIMS)
def test_no_generated_header_or_claim_is_accepted(
    reader: FlaskClient, shared_issuer: Any, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    head = {"typ": "at+jwt", "alg": "RS256", "kid": "rsa"} | header
    body = shared_issuer.claims() | claims
    kid = head["kid"] if head["kid"] in ("rsa", "ec", "ed") else "rsa"
    response = read(reader, f"Bearer {shared_issuer.sign(json.dumps(head), json.dumps(body), kid)}")
    if response.status_code == 200:
        assert right(head, body, shared_issuer.url), (header, claims)
    else:
        assert_refused(response)
