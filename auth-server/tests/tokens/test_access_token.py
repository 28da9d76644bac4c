"""Issuing: one import per key, unique jti, bounded size."""

import pytest
from auth_server.errors import InvalidScopeError
from auth_server.startup import Service
from auth_server.tokens.access_token import AccessToken, AccessTokens
from joserfc import jwt


@pytest.fixture
def service(shared_service: Service) -> Service:
    return shared_service


def issue(tokens: AccessTokens, scope: str) -> AccessToken:
    return tokens.issue(
        "job", "https://es.example", scope, signing_alg="ES256", lifetime=60, custom_claims={}
    )


def test_takes_clock_and_jti_as_parameters(service: Service) -> None:
    tokens = AccessTokens("https://i", service.keys, 4096, now=lambda: 1000.9, new_jti=lambda _: "one")
    token = issue(tokens, "read")
    claims = jwt.decode(token.value, service.keys.current("ES256").key).claims
    assert (claims["iat"], claims["exp"], claims["jti"]) == (1000, 1060, "one")
    assert (token.kid, token.alg) == (service.keys.current("ES256").kid, "ES256")
    assert "value" not in repr(token)


@pytest.mark.requirement("RFC 6749 10.10 guessing", "RFC 7519 4.1.7 jti")
def test_every_token_has_its_own_jti(service: Service) -> None:
    tokens = AccessTokens("https://i", service.keys, 4096)
    assert len({issue(tokens, "read").jti for _ in range(100)}) == 100


@pytest.mark.parametrize("longest", [1024, 4096, 65536])
def test_refuses_a_token_longer_than_the_setting(service: Service, longest: int) -> None:
    tokens = AccessTokens("https://i", service.keys, longest, now=lambda: 1000, new_jti=lambda _: "one")
    shortest = len(issue(tokens, "s").value)
    room = (longest - shortest) * 3 // 4  # base64url writes three bytes as four characters
    assert longest - 4 <= len(issue(tokens, "s" * room).value) <= longest
    with pytest.raises(InvalidScopeError, match=f"longer than {longest} characters; ask for fewer") as caught:
        issue(tokens, "s" * (room + 4))
    assert caught.value.reason.endswith(f"characters, and MAX_TOKEN_LENGTH is {longest}")


def test_a_token_may_be_as_long_as_the_setting_says(service: Service) -> None:
    length = len(issue(AccessTokens("https://i", service.keys, 4096, new_jti=lambda _: "one"), "read").value)
    assert issue(AccessTokens("https://i", service.keys, length, new_jti=lambda _: "one"), "read").value
