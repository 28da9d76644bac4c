"""Read the tenant files: which APIs, clients and grants there are. What the schema does not know is an error.

Not here: the members of an entry (tenant/schema.py), making the database equal to them (tenant/apply.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from auth_server.tenant.federation import federated_row, wrong_federation
from auth_server.tenant.schema import AUDIENCE_FLAG, SCHEMA, stored, wrong_members
from auth_server.tenant.strict_yaml import YamlProblemError, read_yaml

Rows = tuple[dict[str, Any], ...]

_CREDENTIALS = (
    "secret_digest_files",
    "jwks_file",
    "federated",
    "tls_client_auth",
    "self_signed_tls_client_auth",
)
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Tenant:
    """The valid entries of the tenant files, as rows of the tables, and what is wrong with others."""

    apis: Rows = ()
    clients: Rows = ()
    grants: Rows = ()
    federated_subjects: Rows = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A valid entry, and where it stands."""

    file: Path
    path: str
    row: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file}: {self.path}"


_Entries = Mapping[str, list[_Entry]]


def read_tenant(*files: Path, variables: Mapping[str, str] = _NO_VARIABLES) -> Tenant:
    """Read the files, which are one tenant, and the variables in them; a problem begins with its place."""
    problems: list[str] = []
    unknown: list[str] = []
    entries: _Entries = {section: [] for section in SCHEMA}
    for file in files:
        try:
            document = read_yaml(file, variables)
        except YamlProblemError as error:
            problems.append(f"{file}: {error}")
            continue
        if not isinstance(document, dict):
            document = {}
        for section in SCHEMA:
            entries[section].extend(_read_section(file, section, document.get(section), problems))
        unknown += [f"{file}: {name}: is unknown; remove it" for name in document if name not in SCHEMA]
    if not problems:
        problems += [*_repeats(entries), *_wrong_credentials(entries), *_dangling_references(entries)]
    rows = {section: tuple(entry.row for entry in found) for section, found in entries.items()}
    federated = tuple(federated_row(client) for client in rows["clients"] if client["federated"])
    for client in rows["clients"]:
        del client["federated"]  # the table of clients has no such column
    return Tenant(**rows, federated_subjects=federated, problems=(*problems, *unknown))


def _read_section(file: Path, section: str, entries: Any, problems: list[str]) -> Iterator[_Entry]:
    if not isinstance(entries, list):
        problems.append(f"{file}: {section}: is not a list; write one, even if only []")
        return
    members = SCHEMA[section]
    for index, entry in enumerate(entries):
        path = f"{section}[{index}]"
        if not isinstance(entry, dict):
            problems.append(f"{file}: {path}: is not a mapping; write one")
            continue
        wrong = [f"{file}: {path}.{problem}" for problem in wrong_members(entry, members)]
        problems += wrong
        if not wrong:
            yield _Entry(file, path, stored(entry, members))


def _repeats(entries: _Entries) -> Iterator[str]:
    keys = {"apis": ("identifier",), "clients": ("client_id",), "grants": ("client", "audience")}
    for section, members in keys.items():
        first_entry: dict[Any, _Entry] = {}
        for entry in entries[section]:
            first = first_entry.setdefault(tuple(entry.row[member] for member in members), entry)
            if first is not entry:
                yield f"{entry}: declares again what {_named(first, entry)} declares; remove one"


def _named(entry: _Entry, other: _Entry) -> str:
    """Return the path of an entry, with its file if the other is in another one."""
    if entry.file == other.file:
        return entry.path
    return str(entry)


def _wrong_credentials(entries: _Entries) -> Iterator[str]:
    for entry in entries["clients"]:
        client = entry.row
        credentials = [client[name] for name in _CREDENTIALS if client[name]]
        if len(credentials) != 1:
            yield f"{entry}: needs one of {', '.join(_CREDENTIALS)}; declare one of them"
        elif client["token_endpoint_audience"] is not None and not client["jwks_file"]:
            yield f"{entry}.token_endpoint_audience: must be {AUDIENCE_FLAG.must}"
    yield from wrong_federation({str(entry): entry.row for entry in entries["clients"]})


def _dangling_references(entries: _Entries) -> Iterator[str]:
    client_ids = {client.row["client_id"] for client in entries["clients"]}
    scopes = {api.row["identifier"]: api.row["scopes"] for api in entries["apis"]}
    for api in entries["apis"]:
        for client_id in api.row["introspected_by"] or []:
            if client_id not in client_ids:
                yield f"{api}.introspected_by: {client_id} is not a client of the tenant; declare it"
    for grant in entries["grants"]:
        client_id = grant.row["client"]
        audience = grant.row["audience"]
        if client_id not in client_ids:
            yield f"{grant}.client: {client_id} is not a client of the tenant; declare it"
        if audience not in scopes:
            yield f"{grant}.audience: {audience} is not an API of the tenant; declare it"
        for scope in grant.row["scopes"]:
            if audience in scopes and scope not in scopes[audience]:
                yield f"{grant}.scopes: {scope} is not a scope of {audience}; declare it there"
