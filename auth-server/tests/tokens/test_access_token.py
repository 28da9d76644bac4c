"""Issuing: one import per key, unique jti, bounded size."""

import pytest
from auth_server.clients.registry import ClientGrant
from auth_server.errors import InvalidScopeError
from auth_server.startup import Service
from auth_server.tokens.access_token import AccessTokens
from joserfc import jwt

GRANT = ClientGrant("https://es.example", ("read",), None, "ES256")


def test_takes_time_and_jti_from_its_callers(service: Service) -> None:
    tokens = AccessTokens("https://i", service.keys, 60, now=lambda: 1000.9, new_jti=lambda: "one")
    token = tokens.issue("job", GRANT, "read")
    claims = jwt.decode(token.value, service.keys.current("ES256").key).claims
    assert (claims["iat"], claims["exp"], claims["jti"]) == (1000, 1060, "one")
    assert "value" not in repr(token)


def test_every_token_has_a_jti_of_its_own(service: Service) -> None:
    tokens = AccessTokens("https://i", service.keys, 60)
    assert len({tokens.issue("job", GRANT, "read").jti for _ in range(100)}) == 100


def test_refuses_a_token_over_4_kib(service: Service) -> None:
    tokens = AccessTokens("https://i", service.keys, 60)
    assert len(tokens.issue("job", GRANT, "s" * 2600).value) <= 4096
    with pytest.raises(InvalidScopeError, match="larger than 4096 bytes; ask for fewer scopes"):
        tokens.issue("job", GRANT, "s" * 3000)
