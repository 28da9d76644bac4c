"""Why we have a client of our own: what Authlib 1.9.9's session lacks for a job, and what ours does.

Each pair of tests drives Authlib's, then ours; the server counts the calls.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.private_key_jwt import PrivateKeyTokenSource
from calling_service.oauth_client.refused_tokens import YOUNG
from calling_service.oauth_client.token_source import TokenSource
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OKPKey

AUDIENCE, INVALID, LATER = "https://api.example", 'Bearer realm="x", error="invalid_token"', 3600.0


@pytest.fixture
def authlibs(endpoint: Any) -> Iterator[OAuth2Session]:
    """Return Authlib's session with a first token, which it sees as expired."""
    grant = {"grant_type": "client_credentials"}
    with OAuth2Session("job", endpoint.secret, token_endpoint=endpoint.url, **grant) as session:
        session.fetch_token(endpoint.url, audience=AUDIENCE, **grant)
        yield session


@pytest.fixture
def ours(endpoint: Any, api: Any, secret_file: Path, clock: Any) -> Iterator[requests.Session]:
    """Return our session with a first token; when `clock` has moved to LATER, it has expired."""
    with requests.Session() as session, requests.Session() as token_session:
        source = TokenSource(
            issuer="https://as.example",
            client_id="job",
            secret_file=secret_file,
            token_url=endpoint.url,
            session=token_session,
            clock=clock,
        )
        session.auth = BearerAuth(source, api_url=api.url, audience=AUDIENCE, scopes=[])
        source.get(AUDIENCE, [])
        yield session


def expire(session: OAuth2Session) -> None:
    session.token = session.token | {"expires_at": 1}


def in_eight_threads(call: Callable[[], object], endpoint: Any, *, token_calls: int) -> None:
    """Make the call in eight threads; the token endpoint does not answer before so many have asked it."""
    endpoint.hold, together, expected = threading.Event(), threading.Barrier(8), endpoint.calls + token_calls

    def begin() -> None:
        together.wait(10)
        call()

    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(begin) for _ in range(8)]
        deadline = time.monotonic() + 10
        while endpoint.calls < expected and time.monotonic() < deadline:
            time.sleep(0.01)
        endpoint.hold.set()
        for each in calls:
            each.result(20)
    assert endpoint.calls == expected


def test_eight_threads_of_authlib_renew_the_token_eight_times(
    authlibs: OAuth2Session, endpoint: Any, api: Any
) -> None:
    expire(authlibs)
    in_eight_threads(lambda: authlibs.get(api.url, timeout=10), endpoint, token_calls=8)


def test_eight_of_our_threads_renew_it_once(
    ours: requests.Session, endpoint: Any, api: Any, clock: Any
) -> None:
    clock.now += LATER
    in_eight_threads(lambda: ours.get(api.url, timeout=10), endpoint, token_calls=1)


def test_authlib_renews_the_token_without_the_audience(
    authlibs: OAuth2Session, endpoint: Any, api: Any
) -> None:
    expire(authlibs)
    authlibs.get(api.url)
    assert [request.form.get("audience") for request in endpoint.requests] == [AUDIENCE, None]


def test_we_renew_it_for_the_same_audience(
    ours: requests.Session, endpoint: Any, api: Any, clock: Any
) -> None:
    clock.now += LATER
    ours.get(api.url)
    assert [request.form.get("audience") for request in endpoint.requests] == [AUDIENCE, AUDIENCE]


def test_authlib_leaves_a_revoked_token_to_its_caller_again_and_again(
    authlibs: OAuth2Session, endpoint: Any, api: Any
) -> None:
    authlibs.get(api.url)
    api.revoked = set(api.tokens)
    assert [authlibs.get(api.url).status_code for _ in range(2)] == [401, 401]
    assert endpoint.calls == 1


def test_we_renew_it_and_repeat_the_call_once(
    ours: requests.Session, endpoint: Any, api: Any, clock: Any
) -> None:
    ours.get(api.url)
    api.revoked = set(api.tokens)
    clock.now += YOUNG
    assert [ours.get(api.url).status_code for _ in range(2)] == [200, 200]
    assert (endpoint.calls, len(api.requests)) == (2, 4)


def jtis(endpoint: Any) -> set[str]:
    assertions = [request.form["client_assertion"] for request in endpoint.requests]
    return {jwt.decode(each, options={"verify_signature": False})["jti"] for each in assertions}


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # the name, by RFC 9864
def test_authlib_reuses_the_jti_of_an_assertion_with_extra_claims(endpoint: Any) -> None:
    method = PrivateKeyJWT(endpoint.url, claims={"own": "claim"}, alg="EdDSA")
    key = OKPKey.generate_key("Ed25519")
    with OAuth2Session("bot", key, token_endpoint_auth_method=method) as session:
        for _ in range(2):
            session.fetch_token(endpoint.url, grant_type="client_credentials")
    assert (endpoint.calls, len(jtis(endpoint))) == (2, 1)


def test_we_never_reuse_a_jti(endpoint: Any, tmp_path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    with requests.Session() as session:
        source = PrivateKeyTokenSource(
            issuer="https://as.example",
            client_id="bot",
            secret_file=tmp_path / "key.pem",
            token_url=endpoint.url,
            session=session,
        )
        for _ in range(2):
            source.drop(source.get(AUDIENCE, []))
    assert (endpoint.calls, len(jtis(endpoint))) == (2, 2)
