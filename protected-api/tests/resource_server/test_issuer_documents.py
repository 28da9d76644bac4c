"""Where the key set is found: through the issuer's metadata (RFC 8414), unless a setting names it."""

import json
import time
from typing import Any

import pytest
from protected_api.resource_server.issuer_documents import (
    OPENID_WELL_KNOWN,
    WELL_KNOWN,
    fetch_key_set,
    find_endpoint,
)
from protected_api.resource_server.json_over_http import TIMEOUT, call
from werkzeug.wrappers import Response


@pytest.mark.requirement("RFC 8414 3.1 path")
def test_looks_for_the_metadata_between_the_host_and_the_path_of_the_issuer(issuer: Any) -> None:
    issuer.metadata["issuer"] = f"{issuer.url}/tenant/"
    assert fetch_key_set(f"{issuer.url}/tenant/", None, call) == issuer.key_set
    assert issuer.requests == ["/.well-known/oauth-authorization-server/tenant", "/jwks"]


@pytest.mark.parametrize("path", ["", "/realms/example", "/tenant/v2.0/"])
@pytest.mark.parametrize(
    "elsewhere",
    [
        Response(status=404),
        Response("<html>", mimetype="text/html"),
        Response(json.dumps({"issuer": "http://the-root.example"})),
    ],
    ids=["404", "a page", "metadata of another issuer"],
)
def test_finds_metadata_that_is_published_only_where_openid_has_it(
    issuer: Any, path: str, elsewhere: Response
) -> None:
    """OpenID Connect Discovery 4: behind the path of the issuer."""
    issuer.metadata["issuer"] = issuer.url + path
    openid = f"{path.rstrip('/')}{OPENID_WELL_KNOWN}"
    metadata = Response(json.dumps(issuer.metadata))
    issuer.metadata = lambda request: metadata if request.path == openid else elsewhere
    assert fetch_key_set(issuer.url + path, None, call) == issuer.key_set
    assert issuer.requests == [WELL_KNOWN + path.rstrip("/"), openid, "/jwks"]


def test_says_what_is_wrong_at_both_addresses(issuer: Any) -> None:
    other = Response(json.dumps({"issuer": "http://other.example"}))
    issuer.metadata = lambda request: other if request.path == OPENID_WELL_KNOWN else Response(status=404)
    with pytest.raises(
        ValueError, match="HTTP status 404; as OpenID has it: the metadata is of another issuer"
    ):
        fetch_key_set(issuer.url, None, call)


@pytest.mark.requirement("RFC 8414 3.3 same issuer")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"issuer": "http://other.example"}, "the metadata is of another issuer"),
        ({"issuer": None}, "the metadata is of another issuer"),
        ({"jwks_uri": None}, "the metadata names no usable jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "the metadata names no usable jwks_uri"),
    ],
)
def test_refuses_metadata_that_is_not_the_issuers(issuer: Any, changes: dict[str, Any], reason: str) -> None:
    issuer.metadata |= changes
    with pytest.raises(ValueError, match=rf"^{reason}(; as OpenID has it: {reason})?$"):
        fetch_key_set(issuer.url, None, call)


@pytest.mark.parametrize("metadata", [[], "x", None])
def test_refuses_metadata_that_is_not_an_object(issuer: Any, metadata: Any) -> None:
    issuer.metadata = metadata
    with pytest.raises(ValueError, match="the metadata is of another issuer"):
        fetch_key_set(issuer.url, None, call)


def test_limits_metadata_and_key_set_to_three_seconds_together() -> None:
    calls: list[tuple[str, float]] = []

    def answer(_: str, url: str, deadline: float) -> dict[str, str]:
        calls.append((url, deadline))
        return {"issuer": "http://as.example", "jwks_uri": "http://as.example/jwks"}

    began = time.monotonic()
    fetch_key_set("http://as.example", None, answer)
    (metadata, first), (key_set, second) = calls
    assert (metadata, key_set) == (f"http://as.example{WELL_KNOWN}", "http://as.example/jwks")
    assert began + TIMEOUT <= first == second <= time.monotonic() + TIMEOUT
    assert TIMEOUT == 3


def test_takes_an_https_endpoint_of_an_issuer_that_is_reached_over_plain_http() -> None:
    metadata = {"issuer": "http://as.example", "jwks_uri": "https://as.example/jwks"}
    assert find_endpoint("http://as.example", "jwks_uri", 0, lambda *_: metadata) == metadata["jwks_uri"]
