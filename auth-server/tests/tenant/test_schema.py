"""The schema of the tenant file: each wrong member is named by its path."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from auth_server.tenant.reading import read_tenant

URI = "must be an absolute URI without a fragment"
SCOPES = "must be a list of different scopes (RFC 6749 3.3), at least one"
DIGESTS = "must be a list of one or two names of files in SECRETS_DIR"
CLIENT_ID = "must be 1 to 128 printable ASCII characters"
LIFETIME = "must be 1 to 2592000 seconds"


def document() -> dict[str, Any]:
    return {
        "apis": [{"identifier": "https://api.example", "name": "API", "scopes": ["read", "write"]}],
        "clients": [{"client_id": "job", "name": "Job", "secret_digest_files": ["job.sha256"]}],
        "grants": [{"client": "job", "audience": "https://api.example", "scopes": ["read"]}],
    }


Change = Callable[[dict[str, Any]], Any]


def put(section: str, member: str, value: Any) -> Change:
    return lambda tenant: tenant[section][0].__setitem__(member, value)


def drop(section: str, member: str) -> Change:
    return lambda tenant: tenant[section][0].pop(member)


BAD: dict[str, tuple[Change, str]] = {
    "unknown member": (put("clients", "secret", "a"), "clients[0].secret: is unknown; remove it"),
    "metadata that is a list": (
        put("clients", "metadata", ["a"]),
        "clients[0].metadata: must be a mapping of strings to strings",
    ),
    "metadata that is a number": (
        put("clients", "metadata", {"a": 1}),
        "clients[0].metadata: must be a mapping of strings to strings",
    ),
    "keys in another folder": (
        put("clients", "jwks_file", "../job.json"),
        "clients[0].jwks_file: must be the name of a file in SECRETS_DIR",
    ),
    "missing member": (
        drop("apis", "name"),
        "apis[0].name: is missing; it must be 1 to 100 printable characters",
    ),
    "blank name": (put("apis", "name", " "), "apis[0].name: must be 1 to 100 printable characters"),
    "relative API": (put("apis", "identifier", "api"), f"apis[0].identifier: {URI}"),
    "API with a fragment": (put("apis", "identifier", "https://a#"), f"apis[0].identifier: {URI}"),
    "API with a space": (put("apis", "identifier", "https://a b"), f"apis[0].identifier: {URI}"),
    "API that is a number": (put("apis", "identifier", 1), f"apis[0].identifier: {URI}"),
    "no scope": (put("apis", "scopes", []), f"apis[0].scopes: {SCOPES}"),
    "scopes as text": (put("apis", "scopes", "read"), f"apis[0].scopes: {SCOPES}"),
    "scope with a space": (put("apis", "scopes", ["a b"]), f"apis[0].scopes: {SCOPES}"),
    "scope twice": (put("apis", "scopes", ["a", "a"]), f"apis[0].scopes: {SCOPES}"),
    "scope that is a list": (put("apis", "scopes", [["a"]]), f"apis[0].scopes: {SCOPES}"),
    "algorithm": (
        put("apis", "signing_alg", "HS256"),
        "apis[0].signing_alg: must be one of RS256, ES256, EdDSA, Ed25519",
    ),
    "algorithm list": (
        put("apis", "signing_alg", ["a"]),
        "apis[0].signing_alg: must be one of RS256, ES256, EdDSA, Ed25519",
    ),
    **{
        f"introspected by {value!r}": (
            put("apis", "introspected_by", value),
            "apis[0].introspected_by: must be the client_id of a client, or a list of different ones",
        )
        for value in ([], "", "j\u00f6b", 1, {"a": "b"}, ["job", "job"], ["job", 1], [["job"]], None)
    },
    "no lifetime": (put("apis", "token_lifetime", 0), f"apis[0].token_lifetime: {LIFETIME}"),
    "true lifetime": (put("apis", "token_lifetime", True), f"apis[0].token_lifetime: {LIFETIME}"),
    "null lifetime": (put("grants", "token_lifetime", None), f"grants[0].token_lifetime: {LIFETIME}"),
    "enabled": (put("clients", "enabled", "no"), "clients[0].enabled: must be true or false"),
    "client id": (put("clients", "client_id", "j\u00f6b"), f"clients[0].client_id: {CLIENT_ID}"),
    "no secret": (put("clients", "secret_digest_files", []), f"clients[0].secret_digest_files: {DIGESTS}"),
    "three secrets": (
        put("clients", "secret_digest_files", list("abc")),
        f"clients[0].secret_digest_files: {DIGESTS}",
    ),
    "other folder": (
        put("clients", "secret_digest_files", ["../a"]),
        f"clients[0].secret_digest_files: {DIGESTS}",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_names_each_wrong_member_by_its_path(tmp_path: Path, case: str) -> None:
    change, problem = BAD[case]
    tenant = document()
    change(tenant)
    file = tmp_path / "tenant.yaml"
    file.write_text(yaml.dump(tenant))
    assert list(read_tenant(file).problems) == [f"{file}: {problem}"]
