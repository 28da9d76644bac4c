"""The tenant file: which APIs, clients and grants there are. What its schema does not know is an error.

Here the file becomes values; the database is made equal to them in `tenant_apply`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from auth_server.grammar import CLIENT_ID, SCOPE_TOKEN, is_absolute_uri
from auth_server.keys.life import SIGNING_ALGS
from auth_server.settings import MAX_TOKEN_LIFETIME
from auth_server.tenant.strict_yaml import YamlProblemError, read_yaml


@dataclass(frozen=True, slots=True)
class Tenant:
    """What the tenant file declares: rows of the three tables of the same names."""

    apis: tuple[dict[str, Any], ...]
    clients: tuple[dict[str, Any], ...]
    grants: tuple[dict[str, Any], ...]


def read_tenant(file: Path, problems: list[str]) -> Tenant:
    """Read the tenant file and add what is wrong to `problems`: a sentence each, with its path in the file.

    The entries that are right in themselves are given all the same, so that their files can still be judged.
    """
    found: list[str] = []
    tenant = _read_entries(file, found)
    problems += [f"{file}: {problem}" for problem in found]
    return tenant


def _read_entries(file: Path, problems: list[str]) -> Tenant:
    try:
        document = read_yaml(file)
    except YamlProblemError as error:
        problems.append(str(error))
        return Tenant((), (), ())
    sections = {name: list(_read_section(document, name, problems)) for name in _SCHEMA}
    tenant = Tenant(*(tuple(sections[name]) for name in _SCHEMA))
    if not problems:
        problems += [*_repeats(tenant), *_credentials(tenant), *_dangling(tenant)]
    if isinstance(document, dict):
        problems += [f"{name}: is unknown; remove it" for name in document if name not in _SCHEMA]
    return tenant


_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class _Member:
    """One member of an entry: what it must be, in words, and whether a value is that."""

    must: str
    holds: Callable[[Any], bool]
    default: Any = _REQUIRED


def _list_of(item: Callable[[Any], bool], most: int | None = None) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        return (
            isinstance(value, list)
            and 0 < len(value) <= (most or len(value))
            and all(item(one) for one in value)
            and len(set(value)) == len(value)
        )

    return holds


def _is_absolute_uri(value: Any) -> bool:
    # RFC 8707 2: a resource is an absolute URI without a fragment.
    return isinstance(value, str) and bool(re.fullmatch(r"[!-~]{1,200}", value)) and is_absolute_uri(value)


def _is_client_id(value: Any) -> bool:
    return isinstance(value, str) and bool(CLIENT_ID.fullmatch(value))


def _is_scope(value: Any) -> bool:
    return isinstance(value, str) and bool(SCOPE_TOKEN.fullmatch(value))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= 100


def _is_file_name(value: Any) -> bool:
    return isinstance(value, str) and PurePosixPath(value).name == value and value.isprintable()


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_metadata(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair)


def _is_lifetime(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_TOKEN_LIFETIME


_NAME = _Member("1 to 100 printable characters", _is_name)
_URI = _Member("an absolute URI without a fragment", _is_absolute_uri)
_CLIENT_ID = _Member("1 to 128 printable ASCII characters", _is_client_id)
_INTROSPECTED_BY = _Member("1 to 128 printable ASCII characters", _is_client_id, default=None)
_SCOPES = _Member("a list of different scopes (RFC 6749 3.3), at least one", _list_of(_is_scope))
_LIFETIME = _Member(f"1 to {MAX_TOKEN_LIFETIME} seconds", _is_lifetime, default=None)
_ALG = _Member(f"one of {', '.join(SIGNING_ALGS)}", SIGNING_ALGS.__contains__, default=SIGNING_ALGS[0])
_ENABLED = _Member("true or false", _is_boolean, default=True)
_METADATA = _Member("a mapping of strings to strings", _is_metadata, default=None)
_AUDIENCE_FLAG = _Member("true or false, beside a jwks_file", _is_boolean, default=None)
_DIGESTS = _Member(
    "a list of one or two names of files in SECRETS_DIR", _list_of(_is_file_name, most=2), default=[]
)
_JWKS_FILE = _Member("the name of a file in SECRETS_DIR", _is_file_name, default=None)

_SCHEMA: Mapping[str, Mapping[str, _Member]] = {
    "apis": {
        "identifier": _URI,
        "name": _NAME,
        "scopes": _SCOPES,
        "token_lifetime": _LIFETIME,
        "signing_alg": _ALG,
        "introspected_by": _INTROSPECTED_BY,
    },
    "clients": {
        "client_id": _CLIENT_ID,
        "name": _NAME,
        "enabled": _ENABLED,
        "metadata": _METADATA,
        "secret_digest_files": _DIGESTS,
        "jwks_file": _JWKS_FILE,
        "token_endpoint_audience": _AUDIENCE_FLAG,
    },
    "grants": {"client": _CLIENT_ID, "audience": _URI, "scopes": _SCOPES, "token_lifetime": _LIFETIME},
}


def _read_section(document: Any, name: str, problems: list[str]) -> Iterator[dict[str, Any]]:
    entries = document.get(name) if isinstance(document, dict) else None
    if not isinstance(entries, list):
        problems.append(f"{name}: is no list; write one, if only []")
        return
    for index, entry in enumerate(entries):
        path = f"{name}[{index}]"
        if not isinstance(entry, dict):
            problems.append(f"{path}: is no mapping; write one")
            continue
        found = [*_wrong_members(entry, path, _SCHEMA[name])]
        problems += found
        if not found:
            yield {member: entry.get(member, rule.default) for member, rule in _SCHEMA[name].items()}


def _wrong_members(entry: dict[str, Any], path: str, rules: Mapping[str, _Member]) -> Iterator[str]:
    for member in entry:
        if member not in rules:
            yield f"{path}.{member}: is unknown; remove it"
    for member, rule in rules.items():
        if member not in entry:
            if rule.default is _REQUIRED:
                yield f"{path}.{member}: is missing; it must be {rule.must}"
        elif not rule.holds(entry[member]):
            yield f"{path}.{member}: must be {rule.must}"


def _repeats(tenant: Tenant) -> Iterator[str]:
    keys = {
        "apis": [row["identifier"] for row in tenant.apis],
        "clients": [row["client_id"] for row in tenant.clients],
        "grants": [(row["client"], row["audience"]) for row in tenant.grants],
    }
    for name, found in keys.items():
        for index, key in enumerate(found):
            if key in found[:index]:
                yield f"{name}[{index}]: declares again what {name}[{found.index(key)}] declares; remove one"


def _credentials(tenant: Tenant) -> Iterator[str]:
    for index, client in enumerate(tenant.clients):
        if bool(client["secret_digest_files"]) == bool(client["jwks_file"]):
            yield f"clients[{index}]: needs secret_digest_files or a jwks_file, one of them; declare that"
        elif client["token_endpoint_audience"] is not None and not client["jwks_file"]:
            yield f"clients[{index}].token_endpoint_audience: must be {_AUDIENCE_FLAG.must}"


def _dangling(tenant: Tenant) -> Iterator[str]:
    scopes = {api["identifier"]: api["scopes"] for api in tenant.apis}
    clients = {client["client_id"] for client in tenant.clients}
    for index, api in enumerate(tenant.apis):
        if (client := api["introspected_by"]) not in clients | {None}:
            yield f"apis[{index}].introspected_by: {client} is no client of this file; declare it"
    for index, grant in enumerate(tenant.grants):
        if grant["client"] not in clients:
            yield f"grants[{index}].client: {grant['client']} is no client of this file; declare it"
        if grant["audience"] not in scopes:
            yield f"grants[{index}].audience: {grant['audience']} is no API of this file; declare it"
        for scope in grant["scopes"]:
            if scope not in scopes.get(grant["audience"], grant["scopes"]):
                yield f"grants[{index}].scopes: {scope} is no scope of {grant['audience']}; declare it there"
