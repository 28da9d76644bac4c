"""Where the key set is found: through the issuer's metadata (RFC 8414), unless a setting names it."""

import time
from typing import Any

import pytest
from protected_api.resource_server.issuer_documents import WELL_KNOWN, fetch_key_set
from protected_api.resource_server.json_over_http import TIMEOUT, call


def test_looks_for_the_metadata_between_the_host_and_the_path_of_the_issuer(issuer: Any) -> None:
    issuer.metadata["issuer"] = f"{issuer.url}/tenant/"
    assert fetch_key_set(f"{issuer.url}/tenant/", None, call) == issuer.key_set
    assert issuer.requests == ["/.well-known/oauth-authorization-server/tenant", "/jwks"]


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
    with pytest.raises(ValueError, match=reason):
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
