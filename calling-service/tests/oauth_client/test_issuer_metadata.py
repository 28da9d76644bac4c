"""The token endpoint as the issuer's metadata names it (RFC 8414)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from calling_service.oauth_client.token_request import find_token_endpoint
from calling_service.oauth_client.token_source import TokenError, TokenSource
from werkzeug.wrappers import Request, Response

API = "https://api.example"
OTHER_API = "https://other.example"
SCOPES = ("b", "a")


@pytest.mark.requirement("RFC 8414 3 GET", "RFC 8414 3.1 path", "RFC 9700 2.6 metadata")
@pytest.mark.parametrize("path", ["", "/tenant/one", "/X"])
def test_finds_the_token_endpoint_in_the_issuers_metadata_at_each_call(
    source: TokenSource, endpoint: Any, serve: Any, path: str
) -> None:
    asked = []

    def metadata(request: Request) -> Response:
        asked.append(request.path)
        return Response(json.dumps({"issuer": source.issuer, "token_endpoint": endpoint.url}))

    source.token_url = None
    source.issuer = serve(metadata) + path
    source.get(API, SCOPES)
    endpoint.url = endpoint.url.replace("127.0.0.1", "localhost")
    source.get(OTHER_API, SCOPES)
    assert asked == ["/.well-known/oauth-authorization-server" + path] * 2
    assert [request.host.partition(":")[0] for request in endpoint.requests] == ["127.0.0.1", "localhost"]


@pytest.mark.parametrize("path", ["", "/", "/tenants/acme"])
def test_finds_it_in_metadata_that_is_published_as_openid_connect_has_it(
    source: TokenSource, endpoint: Any, serve: Any, path: str
) -> None:
    asked = []

    def metadata(request: Request) -> Response:
        asked.append(request.path)
        if "openid" not in request.path:
            return Response("Not Found", 404)
        return Response(json.dumps({"issuer": source.issuer, "token_endpoint": endpoint.url}))

    source.token_url = None
    source.issuer = serve(metadata) + path
    source.get(API, SCOPES)
    path = path.rstrip("/")
    assert asked == [
        f"/.well-known/oauth-authorization-server{path}",
        f"{path}/.well-known/openid-configuration",
    ]


@pytest.mark.parametrize("status", [429, 503])
def test_asks_a_server_only_once_that_is_busy(source: TokenSource, serve: Any, status: int) -> None:
    asked = []

    def metadata(request: Request) -> Response:
        asked.append(request.path)
        return Response("", status, {"Retry-After": "2"})

    source.token_url = None
    source.issuer = serve(metadata)
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert (error.value.status, error.value.retry_after, len(asked)) == (status, 2, 1)


@pytest.mark.requirement("RFC 8414 3.3 same issuer")
@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "http://other", "token_endpoint": "https://other/token"},
        {"issuer": "ISSUER/", "token_endpoint": "https://other/token"},
        {"issuer": "ISSUER"},
        {"issuer": "ISSUER", "token_endpoint": "file:///token"},
        {"issuer": "ISSUER", "token_endpoint": ["https://other/token"]},
    ],
)
def test_refuses_metadata_of_another_issuer_or_without_endpoint(
    source: TokenSource, endpoint: Any, serve: Any, metadata: dict[str, str]
) -> None:
    source.token_url = None
    source.issuer = serve(lambda _: Response(json.dumps(metadata).replace("ISSUER", source.issuer)))
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert (
        str(error.value) == f"bad_metadata: the metadata is not {source.issuer}'s, or has no token_endpoint"
    )
    assert endpoint.calls == 0


def test_the_error_repeats_the_answer_of_the_metadata_endpoint(
    source: TokenSource, endpoint: Any, serve: Any
) -> None:
    source.token_url = None
    source.issuer = serve(lambda _: endpoint.error(404, "not_found", "no metadata here"))
    with pytest.raises(TokenError) as error:
        source.get(API, SCOPES)
    assert (str(error.value), error.value.status) == ("not_found: no metadata here", 404)


@pytest.mark.requirement("RFC 8414 3 GET")
@pytest.mark.parametrize("endpoint_url", ["http://localhost:1/token", "https://localhost/token"])
def test_asks_for_metadata_with_its_timeout_and_takes_the_endpoint_of_clients_without_a_certificate(
    answering: Callable[..., Any], endpoint_url: str
) -> None:
    metadata: dict[str, Any] = {"issuer": "http://localhost:1", "token_endpoint": endpoint_url}
    metadata |= {"mtls_endpoint_aliases": {"token_endpoint": "https://mtls.example/token"}}
    session = answering((404, {}), (200, metadata))
    assert find_token_endpoint(session, "http://localhost:1", (1, 2)) == endpoint_url
    assert [(method, options["timeout"]) for method, options in session.calls] == [("GET", (1, 2))] * 2


def test_a_source_asks_for_metadata_with_its_own_timeout(
    source: TokenSource, answering: Callable[..., Any]
) -> None:
    session = answering((503, {}))
    source.token_url = None
    source.session = session
    source.timeout = (1, 2)
    with pytest.raises(TokenError):
        source.get(API, SCOPES)
    assert session.calls[0][1]["timeout"] == (1, 2)
