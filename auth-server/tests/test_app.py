"""Where the endpoints are: below the path of the issuer, if it has one."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from auth_server.app import create_app
from auth_server.startup import Service
from flask.testing import FlaskClient

Start = Callable[[dict[str, str]], Service]
Sign = Callable[..., dict[str, str]]

LOGIN = "https://login.example"
WELL_KNOWN = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
HEALTH = {"/healthz", "/readyz"}


@pytest.fixture
def below(environ: dict[str, str], start: Start) -> Callable[[str], FlaskClient]:
    """Return a function that starts a server whose issuer has this path."""
    return lambda path: create_app(start(environ | {"ISSUER": LOGIN + path})).test_client()


def paths(client: FlaskClient) -> set[str]:
    return {rule.rule for rule in client.application.url_map.iter_rules()}


@pytest.mark.parametrize("path", ["", "/"])
def test_an_issuer_without_a_path_is_served_at_the_root_alone(
    below: Callable[[str], FlaskClient], path: str
) -> None:
    oauth = {"/oauth/authorize", "/oauth/token", "/oauth/introspect", "/oauth/revoke"}
    assert paths(below(path)) == HEALTH | oauth | {WELL_KNOWN, OPENID, "/.well-known/jwks.json"}


@pytest.mark.requirement("RFC 8414 3.1 path")
@pytest.mark.parametrize("path", ["/auth", "/auth/", "/a/b.c/~d:e@f+g", "/oauth", "/healthz"])
def test_an_issuer_with_a_path_is_served_whole_below_it(
    below: Callable[[str], FlaskClient], sign: Sign, path: str
) -> None:
    client = below(path)
    issuer = LOGIN + path
    base = path.removesuffix("/")
    for address in (WELL_KNOWN + base, OPENID + base, base + OPENID, base + WELL_KNOWN):
        metadata = client.get(address).get_json()
        assert metadata["issuer"] == issuer
    assert metadata["token_endpoint"] == f"{LOGIN}{base}/oauth/token"
    at = {name: urlsplit(url).path for name, url in metadata.items() if name.endswith(("_endpoint", "_uri"))}
    keys = client.get(at["jwks_uri"])
    assert (keys.status_code, keys.get_json().keys()) == (200, {"keys"})

    grant = {"grant_type": "client_credentials"}
    answer = client.post(at["token_endpoint"], data=grant, auth=("job", "job-secret"))
    token = {"token": answer.get_json()["access_token"]}
    introspected = client.post(at["introspection_endpoint"], data=token, auth=("api", "api-secret"))
    assert (introspected.get_json()["active"], introspected.get_json()["iss"]) == (True, issuer)
    assert client.post(at["revocation_endpoint"], data=token, auth=("job", "job-secret")).status_code == 200
    introspected = client.post(at["introspection_endpoint"], data=token, auth=("api", "api-secret"))
    assert introspected.get_json() == {"active": False}

    flagged = {"iss": "flagged", "sub": "flagged", "aud": metadata["token_endpoint"]}
    for claims, status in (({"aud": issuer}, 200), ({}, 401), (flagged, 200)):
        assert client.post(at["token_endpoint"], data=grant | sign(claims)).status_code == status


def test_the_root_of_a_shared_host_is_not_served_but_for_health(
    below: Callable[[str], FlaskClient],
) -> None:
    client = below("/auth")
    assert [client.get(path).status_code for path in sorted(HEALTH)] == [200, 200]
    for path in (WELL_KNOWN, OPENID, "/.well-known/jwks.json", "/auth/healthz", "/auth/auth/oauth/token"):
        assert client.get(path).status_code == 404
    root = client.post("/oauth/token")
    assert (root.status_code, root.content_type) == (404, "application/problem+json")


def test_failures_below_the_path_are_oauth_errors(below: Callable[[str], FlaskClient]) -> None:
    client = below("/auth")
    wrong_method = client.get("/auth/oauth/token")
    assert (wrong_method.status_code, wrong_method.headers["Allow"]) == (405, "POST")
    assert wrong_method.get_json()["error"] == "invalid_request"
    unknown = client.get("/auth/oauth/nowhere")
    assert (unknown.status_code, unknown.get_json()["error"]) == (404, "invalid_request")
    refused = client.post("/auth/oauth/token", data={"grant_type": "a"}, auth=("job", "wrong"))
    assert refused.headers["WWW-Authenticate"] == f'Basic realm="{LOGIN}/auth", charset="UTF-8"'
