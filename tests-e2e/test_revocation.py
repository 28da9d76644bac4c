"""A revoked token: routes that ask the issuer refuse it at once; elsewhere it counts until it expires."""

from collections.abc import Callable

import pytest
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk
from live_stack import Stack, eventually

pytestmark = pytest.mark.long
CONNECTIONS = 20  # so that both workers get one: all go to the same worker once in 2 ** 19 times
LIFETIME = 15


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Stack:
    """Return a stack in which the tokens of the Approvals Bot expire soon."""
    stack = new_stack()
    scopes = "scopes: [read:timesheets, approve:timesheets]\n"
    stack.edit("auth-server/tenant.yaml", scopes, f"{scopes}    token_lifetime: {LIFETIME}\n")
    stack.make("up")
    return stack


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 deprecates the name
def test_a_revoked_token_is_refused_at_once_where_the_api_asks(stack: Stack) -> None:
    key = jwk.import_key(stack.secret("approvals-bot.pem"), "OKP")
    url = f"{stack.url['auth-server']}/oauth"

    def statuses(path: str) -> set[int]:
        return {stack.api("GET", path, token).status_code for _ in range(CONNECTIONS)}

    with OAuth2Session(
        "approvals-bot", key, token_endpoint_auth_method=PrivateKeyJWT(stack.issuer, alg="EdDSA")
    ) as session:
        auth = session.client_auth(
            session.token_endpoint_auth_method
        )  # by itself, the session revokes without authentication
        token = session.fetch_token(f"{url}/token")["access_token"]
        assert session.introspect_token(f"{url}/introspect", token).json()["active"] is True
        assert (statuses("/approvals"), statuses("/timesheets")) == ({200}, {200})
        assert session.revoke_token(f"{url}/revoke", token, auth=auth).status_code == 200
        assert (statuses("/approvals"), statuses("/timesheets")) == ({401}, {200})
        assert session.introspect_token(f"{url}/introspect", token).json() == {"active": False}
    assert eventually(lambda: statuses("/timesheets") - {200} or None, "the token expires") == {401}
