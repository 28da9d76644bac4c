"""Issuing: one import per key, unique jti, bounded size."""

import pytest
from auth_server.access_token import AccessTokens
from auth_server.clients import ClientGrant
from auth_server.database import signing_keys
from auth_server.errors import InvalidScopeError
from auth_server.signing_keys import SigningKeys, read_key_encryption_key
from auth_server.startup import Service
from joserfc import jwt
from sqlalchemy import delete

GRANT = ClientGrant("https://es.example", ("read",), None, "ES256")


def test_takes_time_and_jti_from_its_callers(service: Service) -> None:
    tokens = AccessTokens("https://i", service.keys, 60, now=lambda: 1000.9, new_jti=lambda: "one")
    token = tokens.issue("job", GRANT, "read")
    claims = jwt.decode(token.value, service.keys.current("ES256").private).claims
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


def test_imports_a_key_once_and_sees_a_new_one_when_the_memory_ends(service: Service) -> None:
    clock = [0.0]
    folder = service.settings.key_encryption_key_file
    keys = SigningKeys(service.engine, read_key_encryption_key(folder), 2, lambda: clock[0])
    first = keys.current("ES256")
    clock[0] = 2.0
    assert keys.current("ES256") is first
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys).where(signing_keys.c.alg == "ES256"))
    service.keys.create_missing(["ES256"])
    assert keys.current("ES256") is first
    clock[0] = 4.0
    assert keys.current("ES256").kid == service.keys.current("ES256").kid != first.kid


def test_finds_a_key_that_was_made_after_the_keys_were_read(service: Service) -> None:
    with service.engine.begin() as connection:
        connection.execute(delete(signing_keys).where(signing_keys.c.alg == "EdDSA"))
    keys = SigningKeys(
        service.engine, read_key_encryption_key(service.settings.key_encryption_key_file), 1000
    )
    assert "EdDSA" not in keys.read()
    service.keys.create_missing(["EdDSA"])
    assert keys.current("EdDSA").alg == "EdDSA"
