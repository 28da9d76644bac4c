"""Federated clients in the tenant file: each problem is named by its path."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from auth_server.tenant.reading import read_tenant

GOOD = {"issuer": "https://platform.example", "subject": "job", "jwks_uri": "https://platform.example/keys"}
SVID = {"trust_domain": "example.org", "subject": "spiffe://example.org/job", "jwks_file": "svid.jwks"}


def read(tmp_path: Path, *federated: Any) -> Any:
    clients = [
        {"client_id": f"c{index}", "name": "C", "federated": each} for index, each in enumerate(federated)
    ]
    file = tmp_path / "tenant.yaml"
    file.write_text(yaml.dump({"apis": [], "clients": clients, "grants": []}))
    return read_tenant(file)


def test_becomes_a_row_of_its_own(tmp_path: Path) -> None:
    tenant = read(tmp_path, GOOD, SVID | {"audience": "us"})
    assert tenant.problems == ()
    nothing = dict.fromkeys(("audience", "jwks_uri", "jwks_file", "ca_file", "bearer_file", "trust_domain"))
    assert tenant.federated_subjects == (
        {**nothing, **GOOD, "client_id": "c0"},
        {**nothing, **SVID, "client_id": "c1", "audience": "us", "issuer": "spiffe://example.org"},
    )
    assert all("federated" not in client for client in tenant.clients)


@pytest.mark.parametrize("file", ["cluster.crt", "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"])
def test_a_cluster_has_a_ca_and_a_bearer_of_its_own(tmp_path: Path, file: str) -> None:
    assert read(tmp_path, GOOD | {"ca_file": file, "bearer_file": file}).problems == ()


ALONE: dict[str, tuple[Any, str]] = {
    "no mapping": ("https://platform.example", ": must be a mapping"),
    "unknown member": (GOOD | {"sub": "job"}, ".sub: is unknown; remove it"),
    "no subject": (
        {"issuer": "https://platform.example", "jwks_file": "a"},
        ".subject: is missing; it must be 1 to 500 printable characters",
    ),
    "subject with a line end": (
        GOOD | {"subject": "a\nb"},
        ".subject: must be 1 to 500 printable characters",
    ),
    "issuer with a blank": (GOOD | {"issuer": "a b"}, ".issuer: must be 1 to 200 visible ASCII characters"),
    "audience as a list": (
        GOOD | {"audience": ["a"]},
        ".audience: must be 1 to 200 visible ASCII characters",
    ),
    "no address": (GOOD | {"jwks_uri": "platform/keys"}, ".jwks_uri: must be an absolute http(s) URL"),
    "address of another scheme": (
        GOOD | {"jwks_uri": "file:///etc/keys.json"},
        ".jwks_uri: must be an absolute http(s) URL",
    ),
    "address with a user": (
        GOOD | {"jwks_uri": "https://me:secret@platform.example/keys"},
        ".jwks_uri: must be an absolute http(s) URL",
    ),
    "file elsewhere": (
        GOOD | {"ca_file": "../ca.crt"},
        ".ca_file: must be the name of a file in SECRETS_DIR, or an absolute path",
    ),
    "trust domain with a scheme": (
        SVID | {"trust_domain": "spiffe://example.org"},
        ".trust_domain: must be the name of a SPIFFE trust domain",
    ),
    "nobody": (
        {"subject": "job", "jwks_file": "a"},
        ": needs an issuer or a trust_domain; declare one of them",
    ),
    "no keys": (
        {"issuer": "https://platform.example", "subject": "job"},
        ": needs either a jwks_uri or a jwks_file; declare one of them",
    ),
    "two places": (
        GOOD | {"jwks_file": "a"},
        ": needs either a jwks_uri or a jwks_file; declare one of them",
    ),
    "CA of plain http": (
        GOOD | {"jwks_uri": "http://platform.example/keys", "ca_file": "a"},
        ": has a ca_file without a jwks_uri of https; remove it",
    ),
    "bearer for a file": (
        SVID | {"bearer_file": "a"},
        ": has a bearer_file without a jwks_uri of https; remove it",
    ),
    "another trust domain": (
        SVID | {"subject": "spiffe://example.org.evil.example/job"},
        ": has a subject outside its trust_domain; it begins with spiffe://example.org/",
    ),
}


@pytest.mark.kinds_of_failures("platform-token", {"key-address: a scheme": "The tenant file is not applied."})
@pytest.mark.parametrize("case", ALONE)
def test_names_each_problem_by_its_path(tmp_path: Path, case: str) -> None:
    federated, problem = ALONE[case]
    file = tmp_path / "tenant.yaml"
    assert read(tmp_path, federated).problems == (f"{file}: clients[0].federated{problem}",)


TOGETHER: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "same subject": (
        GOOD,
        GOOD | {"audience": "https://elsewhere.example"},
        "has the issuer and subject of c0; remove one",
    ),
    "other keys": (
        GOOD,
        GOOD | {"subject": "other", "jwks_uri": "https://elsewhere.example/keys"},
        "declares https://platform.example otherwise than c0; use the same keys",
    ),
    "trust domain of two issuers": (
        SVID,
        SVID | {"subject": "spiffe://example.org/other", "issuer": "https://platform.example"},
        "declares example.org otherwise than c0; use the same keys",
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_an_issuer_has_one_place_for_its_keys_and_a_subject_one_client(tmp_path: Path, case: str) -> None:
    one, other, problem = TOGETHER[case]
    file = tmp_path / "tenant.yaml"
    assert read(tmp_path, one, other).problems == (f"{file}: clients[1].federated: {problem}",)


def test_clients_of_one_issuer_may_have_audiences_of_their_own(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD, GOOD | {"subject": "other", "audience": "us"}).problems == ()
