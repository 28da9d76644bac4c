"""A client assertion with any change is refused, and so are generated headers and claims (RFC 7523 3)."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from auth_server.protocol.client_assertion import ASSERTION_TYPE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

ISSUER = "https://issuer.example"
SOON = time.time() + 3600
WORDS = st.sampled_from(["bot", ISSUER, "ES256", "EdDSA", "none", "JWT", "client-authentication+jwt", "j"])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS | st.just(SOON)
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
HEADERS = st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit", "jwk", "b64"]), VALUES, max_size=2)
CLAIMS = st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf"]), VALUES, max_size=2)
pytestmark = pytest.mark.fuzz
fuzzed = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_refused(response: TestResponse) -> None:
    assert response.status_code == 401
    assert response.get_json()["error"] == "invalid_client"


@fuzzed
@given(data=st.data())
def test_no_assertion_with_a_change_is_accepted(
    ask: Any, sign: Any, change: Callable[[Any, str], str], data: st.DataObject
) -> None:
    form = sign()
    changed = change(data, form["client_assertion"])
    response = ask(form | {"client_assertion": changed}, auth=None)
    if changed == form["client_assertion"]:
        assert response.status_code == 200
    elif "\0" in changed:
        assert response.status_code == 400
    elif changed:
        assert_refused(response)


def fits(header: dict[str, Any], claims: dict[str, Any]) -> bool:
    """Return whether a signed assertion of `bot` is right, in the words of RFC 7515, 7523 and 8725."""
    now = time.time()

    def time_of(name: str, absent: float) -> float:
        value = claims.get(name, absent)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")

    typ = header.get("typ", "jwt")
    return (
        header.get("alg", "ES256") in ("ES256", "EdDSA")
        and isinstance(typ, str)
        and typ.lower().removeprefix("application/") in ("jwt", "client-authentication+jwt")
        and header.get("kid", "ES256") in ("ES256", "EdDSA")
        and "crit" not in header
        and all(claims.get(name, "bot") == "bot" for name in ("iss", "sub"))
        and claims.get("aud", ISSUER) in (ISSUER, [ISSUER])
        and now - 60 < time_of("exp", now + 60) <= now + 3660
        and time_of("iat", now) <= now + 60
        and time_of("nbf", now) <= now + 60
    )


@fuzzed
@given(header=HEADERS, claims=CLAIMS)
def test_no_generated_header_or_claim_gets_a_token(
    ask: Any, sign: Any, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    response = ask(sign(claims, **header), auth=None)
    if response.status_code == 200:  # the members that are None were left out; only these must be there
        assert not {name for name in ("iss", "sub", "aud", "exp") if claims.get(name, "") is None}
        sent = [
            {name: value for name, value in part.items() if value is not None} for part in (header, claims)
        ]
        assert fits(*sent)
    else:
        assert_refused(response)


@fuzzed
@given(form=st.dictionaries(st.sampled_from(["client_assertion", "client_assertion_type"]), st.text()))
def test_no_other_text_is_an_assertion(ask: Any, form: dict[str, str]) -> None:
    response = ask({"client_assertion_type": ASSERTION_TYPE} | form, auth=None)
    assert response.status_code in (400, 401)
    assert response.get_json()["error"] in ("invalid_request", "invalid_client")
