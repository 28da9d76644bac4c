"""Read the tenant file: which APIs, clients and grants there are. What its schema does not know is an error.

Not here: the members of an entry (tenant/schema.py), making the database equal to the file (tenant/apply.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from auth_server.tenant.schema import AUDIENCE_FLAG, SCHEMA, wrong_members
from auth_server.tenant.strict_yaml import YamlProblemError, read_yaml

Rows = tuple[dict[str, Any], ...]

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tenant:
    """The valid entries of the tenant file, as rows of the three tables, and what is wrong with others."""

    apis: Rows = ()
    clients: Rows = ()
    grants: Rows = ()
    problems: tuple[str, ...] = ()


def read_tenant(file: Path, variables: Mapping[str, str] = _NO_VARIABLES) -> Tenant:
    """Read the tenant file and the variables in it; each problem begins with its path in the file."""
    problems: list[str] = []
    rows = _read_rows(file, variables, problems)
    return Tenant(**rows, problems=tuple(f"{file}: {problem}" for problem in problems))


def _read_rows(file: Path, variables: Mapping[str, str], problems: list[str]) -> dict[str, Rows]:
    try:
        document = read_yaml(file, variables)
    except YamlProblemError as error:
        problems.append(str(error))
        return {}
    if not isinstance(document, dict):
        document = {}
    rows = {name: tuple(_read_section(document.get(name), name, problems)) for name in SCHEMA}
    if not problems:
        problems += [*_repeats(**rows), *_wrong_credentials(**rows), *_dangling_references(**rows)]
    problems += [f"{name}: is unknown; remove it" for name in document if name not in SCHEMA]
    return rows


def _read_section(entries: Any, section: str, problems: list[str]) -> Iterator[dict[str, Any]]:
    if not isinstance(entries, list):
        problems.append(f"{section}: is not a list; write one, even if only []")
        return
    members = SCHEMA[section]
    for index, entry in enumerate(entries):
        path = f"{section}[{index}]"
        if not isinstance(entry, dict):
            problems.append(f"{path}: is not a mapping; write one")
            continue
        wrong = [f"{path}.{problem}" for problem in wrong_members(entry, members)]
        problems += wrong
        if not wrong:
            yield {
                name: member.stored_as(entry.get(name, member.default)) for name, member in members.items()
            }


def _repeats(apis: Rows, clients: Rows, grants: Rows) -> Iterator[str]:
    keys = {
        "apis": [api["identifier"] for api in apis],
        "clients": [client["client_id"] for client in clients],
        "grants": [(grant["client"], grant["audience"]) for grant in grants],
    }
    for name, found in keys.items():
        first_index: dict[Any, int] = {}
        for index, key in enumerate(found):
            first = first_index.setdefault(key, index)
            if first < index:
                yield f"{name}[{index}]: declares again what {name}[{first}] declares; remove one"


def _wrong_credentials(clients: Rows, **_: Rows) -> Iterator[str]:
    for index, client in enumerate(clients):
        if bool(client["secret_digest_files"]) == bool(client["jwks_file"]):
            yield f"clients[{index}]: needs either secret_digest_files or a jwks_file; declare one of them"
        elif client["token_endpoint_audience"] is not None and not client["jwks_file"]:
            yield f"clients[{index}].token_endpoint_audience: must be {AUDIENCE_FLAG.must}"


def _dangling_references(apis: Rows, clients: Rows, grants: Rows) -> Iterator[str]:
    client_ids = {client["client_id"] for client in clients}
    scopes = {api["identifier"]: api["scopes"] for api in apis}
    for index, api in enumerate(apis):
        for client_id in api["introspected_by"] or []:
            if client_id not in client_ids:
                yield f"apis[{index}].introspected_by: {client_id} is not a client of this file; declare it"
    for index, grant in enumerate(grants):
        path = f"grants[{index}]"
        audience = grant["audience"]
        if grant["client"] not in client_ids:
            yield f"{path}.client: {grant['client']} is not a client of this file; declare it"
        if audience not in scopes:
            yield f"{path}.audience: {audience} is not an API of this file; declare it"
        for scope in grant["scopes"]:
            if audience in scopes and scope not in scopes[audience]:
                yield f"{path}.scopes: {scope} is not a scope of {audience}; declare it there"
