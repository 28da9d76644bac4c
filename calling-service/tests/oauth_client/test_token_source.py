"""The token request, and the cache of its tokens."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import certifi
import pytest
from calling_service.oauth_client.token_source import RENEWAL_RETRY, TokenError, TokenSource
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

API = "https://api.example"
OTHER_API = "https://other.example"
SCOPES = ("b", "a")


@pytest.mark.requirement("RFC 6749 2.3.1 form-encoded", "RFC 6749 3.2 POST", "RFC 6749 4.4.2 grant type")
def test_authenticates_with_form_encoded_basic_credentials(source: TokenSource, endpoint: Any) -> None:
    source.get(API, SCOPES)
    request = endpoint.requests[0]
    assert request.form.to_dict() == {"grant_type": "client_credentials", "audience": API, "scope": "a b"}
    assert unquote_plus(request.authorization.username) == "job:1 ü"
    assert unquote_plus(request.authorization.password) == endpoint.secret
    assert ":" not in request.authorization.username


@pytest.mark.requirement("RFC 8707 2 client")
def test_names_the_api_as_the_server_wants_it(source: TokenSource, endpoint: Any) -> None:
    source.audience_parameter = "resource"
    source.get(API, SCOPES)
    form = endpoint.requests[0].form.to_dict()
    assert form == {"grant_type": "client_credentials", "resource": API, "scope": "a b"}


def test_an_empty_audience_or_scope_is_left_out(source: TokenSource, endpoint: Any) -> None:
    source.get("", ())
    assert endpoint.requests[0].form.to_dict() == {"grant_type": "client_credentials"}


def test_a_netrc_file_does_not_replace_the_credentials(
    source: TokenSource, endpoint: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    source.get(API, SCOPES)
    assert endpoint.requests[0].authorization.password != "other"


@pytest.mark.requirement("RFC 6749 10.9 certificates", "RFC 6750 5.3 certificates", "RFC 8414 6.1 TLS")
def test_trusts_the_cas_of_its_session_whatever_the_environment_names(
    source: TokenSource,
    serve: Any,
    endpoint: Any,
    *,
    certificate: tuple[Path, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ca_file, context = certificate
    source.token_url = serve(endpoint, context)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    with pytest.raises(TokenError, match="SSLError"):
        source.get(API, SCOPES)
    source.session.verify = str(ca_file)
    assert source.get(API, SCOPES).value


def test_keeps_no_connection_to_the_token_endpoint(source: TokenSource, endpoint: Any) -> None:
    source.get(API, SCOPES)
    assert endpoint.requests[0].headers["Connection"] == "close"


def test_keeps_tokens_apart_by_audience_and_scopes(source: TokenSource, endpoint: Any) -> None:
    tokens = {source.get(api, scopes).value for api in (API, OTHER_API) for scopes in (SCOPES, ("a",))}
    assert len(tokens) == endpoint.calls == 4


def test_keeps_a_token_until_sixty_seconds_before_its_expiry(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    first = source.get(API, SCOPES)
    clock.now += 3600 - 60.1
    assert source.get(API, reversed(SCOPES)) is first
    clock.now += 0.2
    assert source.get(API, SCOPES) is not first
    assert endpoint.calls == 2


def test_renews_a_short_lived_token_at_half_of_its_life(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    endpoint.lifetime = 2
    first = source.get(API, SCOPES)
    clock.now += 0.9
    assert source.get(API, SCOPES) is first
    clock.now += 0.2
    assert source.get(API, SCOPES) is not first


def test_clients_that_started_together_renew_at_times_that_differ_by_up_to_a_tenth_of_the_lead(
    source: TokenSource,
) -> None:
    source.jitter = lambda: 1.0
    assert source.get(API, SCOPES).renew_after == 3600 - 66


@given(life=st.floats(0.01, 1e8), jitter=st.floats(0, 1, exclude_max=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_renews_before_expiry_whatever_life_and_jitter(
    secret_file: Path, answering: Callable[..., Any], life: float, jitter: float
) -> None:
    body = {"access_token": "t", "token_type": "bearer", "expires_in": life}
    source = TokenSource(
        issuer="i",
        client_id="c",
        secret_file=secret_file,
        token_url="https://as.example/token",
        session=answering((200, body)),
        clock=lambda: 0.0,
        wall_clock=lambda: 0.0,
        jitter=lambda: jitter,
    )
    token = source.get(API, ())
    lead = min(60, life / 2)
    assert life - 1.1 * lead - 1e-6 <= token.renew_after <= life - lead + 1e-6 < token.life == life


def test_renews_with_the_parameters_of_the_first_call(source: TokenSource, endpoint: Any, clock: Any) -> None:
    source.get(API, SCOPES)
    clock.now += 3599
    source.get(API, SCOPES)
    assert endpoint.requests[0].form == endpoint.requests[1].form


def test_a_failed_renewal_leaves_the_valid_token_in_use_and_is_tried_again_later(
    source: TokenSource, endpoint: Any, clock: Any
) -> None:
    old = source.get(API, SCOPES)
    clock.now += 3600 - 30
    endpoint.answers = [endpoint.error(500, "server_error")]
    assert source.get(API, SCOPES) is old
    assert source.get(API, SCOPES).value == old.value
    assert endpoint.calls == 2
    clock.now += RENEWAL_RETRY
    assert source.get(API, SCOPES).value != old.value
    endpoint.answers = [endpoint.error(500, "server_error")]
    clock.now += 3600
    with pytest.raises(TokenError, match="server_error"):
        source.get(API, SCOPES)


@pytest.mark.parametrize("gone", [None, b"", b"\r\n"])
def test_a_secret_file_that_is_missing_or_empty_while_it_is_replaced_costs_no_valid_token(
    source: TokenSource, endpoint: Any, clock: Any, *, secret_file: Path, gone: bytes | None
) -> None:
    first = source.get(API, SCOPES)
    secret_file.unlink() if gone is None else secret_file.write_bytes(gone)
    clock.now += 3600 - 30
    assert source.get(API, SCOPES).value == first.value
    assert endpoint.calls == 1
    secret_file.write_bytes(b"new")
    clock.now += RENEWAL_RETRY
    assert source.get(API, SCOPES).value != first.value
    assert endpoint.requests[1].authorization.password == "new"


def test_after_a_file_without_a_credential_the_next_call_reads_it_again(
    source: TokenSource, secret_file: Path
) -> None:
    secret_file.write_bytes(b"")
    with pytest.raises(TokenError, match="no_credential"):
        source.get(API, SCOPES)
    secret_file.write_bytes(b"new")
    assert source.get(API, SCOPES).value


@pytest.mark.requirement("RFC 6749 10.3 confidential tokens")
def test_a_repr_shows_neither_token_nor_secret(source: TokenSource, endpoint: Any) -> None:
    token = source.get(API, SCOPES)
    assert token.value not in repr(token)
    assert endpoint.secret not in repr(source)
