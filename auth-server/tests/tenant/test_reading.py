"""Reading the tenant file: each problem is named by its path."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from auth_server.tenant.reading import read_tenant

SAMPLE = Path(__file__).parents[2] / "tenant.yaml"
ONE_KIND = (
    "needs one of secret_digest_files, jwks_file, federated, tls_client_auth, self_signed_tls_client_auth; "
    "declare one of them"
)


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
    "unknown section": (lambda t: t.update(users=[]), "users: is unknown; remove it"),
    "missing section": (lambda t: t.pop("grants"), "grants: is not a list; write one, even if only []"),
    "entry that is no mapping": (lambda t: t["apis"].append("a"), "apis[1]: is not a mapping; write one"),
    "secret and keys": (put("clients", "jwks_file", "job.json"), f"clients[0]: {ONE_KIND}"),
    "no credential": (drop("clients", "secret_digest_files"), f"clients[0]: {ONE_KIND}"),
    "flag without keys": (
        put("clients", "token_endpoint_audience", True),
        "clients[0].token_endpoint_audience: must be true or false, beside a jwks_file",
    ),
    "introspected by nobody": (
        put("apis", "introspected_by", "who"),
        "apis[0].introspected_by: who is not a client of the tenant; declare it",
    ),
    "introspected by somebody and nobody": (
        put("apis", "introspected_by", ["job", "who"]),
        "apis[0].introspected_by: who is not a client of the tenant; declare it",
    ),
    "unknown client": (
        put("grants", "client", "who"),
        "grants[0].client: who is not a client of the tenant; declare it",
    ),
    "unknown API": (
        put("grants", "audience", "https://who"),
        "grants[0].audience: https://who is not an API of the tenant; declare it",
    ),
    "unknown scope": (
        put("grants", "scopes", ["read", "admin"]),
        "grants[0].scopes: admin is not a scope of https://api.example; declare it there",
    ),
    "API twice": (
        lambda t: t["apis"].append(t["apis"][0]),
        "apis[1]: declares again what apis[0] declares; remove one",
    ),
    "grant twice": (
        lambda t: t["grants"].append(t["grants"][0]),
        "grants[1]: declares again what grants[0] declares; remove one",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_names_each_problem_by_its_path(tmp_path: Path, case: str) -> None:
    change, problem = BAD[case]
    tenant = document()
    change(tenant)
    file = tmp_path / "tenant.yaml"
    file.write_text(yaml.dump(tenant))
    assert list(read_tenant(file).problems) == [f"{file}: {problem}"]


def test_names_one_problem_if_the_file_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text("apis: []\napis: []")
    assert list(read_tenant(file).problems) == [f"{file}: line 2: apis repeats; correct it"]


def test_refuses_a_document_that_is_not_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text("- a")
    assert len(read_tenant(file).problems) == 3


def test_returns_the_valid_entries_beside_wrong_ones(tmp_path: Path) -> None:
    """The files that they name can then be checked in the same message."""
    tenant = document()
    tenant["clients"].append({"client_id": "other", "name": "", "secret_digest_files": ["../a"]})
    tenant["grants"][0]["scopes"] = []
    file = tmp_path / "tenant.yaml"
    file.write_text(yaml.dump(tenant))
    read = read_tenant(file)
    assert len(read.problems) == 3
    assert [client["client_id"] for client in read.clients] == ["job"]
    assert (len(read.apis), read.grants) == (1, ())


def test_the_sample_tenant_is_valid() -> None:
    tenant = read_tenant(SAMPLE)
    clients = {client["client_id"] for client in tenant.clients}
    assert tenant.problems == ()
    assert clients >= {"timesheets-import-job", "approvals-bot"}


@pytest.mark.parametrize(("declared", "stored"), [("job", ["job"]), (["job"], ["job"])])
def test_introspected_by_is_one_client_or_several(tmp_path: Path, declared: Any, stored: list[str]) -> None:
    tenant = document()
    put("apis", "introspected_by", declared)(tenant)
    file = tmp_path / "tenant.yaml"
    file.write_text(yaml.dump(tenant))
    (api,) = read_tenant(file).apis
    assert api["introspected_by"] == stored


def test_the_sample_tenant_is_right_for_another_address_of_the_api() -> None:
    tenant = read_tenant(SAMPLE, variables={"TIMESHEETS_API": "https://localhost:9101"})
    audiences = {grant["audience"] for grant in tenant.grants if "localhost" in grant["audience"]}
    assert audiences == {"https://localhost:9101"} == {tenant.apis[0]["identifier"]}


def two_files(folder: Path, change: Change) -> tuple[Path, Path]:
    """Write a tenant, and another client of its API into a file beside it."""
    more = {
        "apis": [],
        "clients": [{"client_id": "more", "name": "More", "secret_digest_files": ["more.sha256"]}],
        "grants": [{"client": "more", "audience": "https://api.example", "scopes": ["write"]}],
    }
    change(more)
    files = folder / "tenant.yaml", folder / "more.yaml"
    for file, content in zip(files, (document(), more), strict=True):
        file.write_text(yaml.dump(content))
    return files


def test_several_files_are_one_tenant(tmp_path: Path) -> None:
    tenant = read_tenant(*two_files(tmp_path, lambda _: None))
    assert (tenant.problems, len(tenant.apis)) == ((), 1)
    assert [client["client_id"] for client in tenant.clients] == ["job", "more"]
    assert [grant["scopes"] for grant in tenant.grants] == [["read"], ["write"]]


ACROSS_FILES: dict[str, tuple[Change, str]] = {
    "client twice": (
        put("clients", "client_id", "job"),
        "{more}: clients[0]: declares again what {tenant}: clients[0] declares; remove one",
    ),
    "unknown API": (
        put("grants", "audience", "https://who"),
        "{more}: grants[0].audience: https://who is not an API of the tenant; declare it",
    ),
    "missing section": (
        lambda t: t.pop("apis"),
        "{more}: apis: is not a list; write one, even if only []",
    ),
    "unknown section": (lambda t: t.update(users=[]), "{more}: users: is unknown; remove it"),
}


@pytest.mark.parametrize("case", ACROSS_FILES)
def test_names_the_file_of_a_problem(tmp_path: Path, case: str) -> None:
    change, problem = ACROSS_FILES[case]
    tenant, more = two_files(tmp_path, change)
    assert problem.format(tenant=tenant, more=more) in read_tenant(tenant, more).problems
