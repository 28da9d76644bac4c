"""The member `federated` of a client: the issuer that vouches for it, and where that issuer's keys are.

Not here: what each member of it must be (tenant/schema.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any

Row = dict[str, Any]

_OF_ONE_ISSUER = ("issuer", "jwks_uri", "jwks_file", "ca_file", "bearer_file", "trust_domain")


def federated_row(client: Mapping[str, Any]) -> Row:
    """Return the row of a client with this member; a trust domain without an issuer is its own issuer."""
    federated = client["federated"]
    issuer = federated["issuer"] or f"spiffe://{federated['trust_domain']}"
    return {**federated, "issuer": issuer, "client_id": client["client_id"]}


def wrong_federation(clients: Mapping[str, Row]) -> Iterator[str]:
    """Yield what is wrong with the `federated` of clients, by their places, in themselves and together."""
    sound: dict[str, Row] = {}
    for place, client in clients.items():
        if client["federated"] is None:
            continue
        wrong = list(_wrong_alone(client["federated"]))
        yield from (f"{place}.federated: {problem}" for problem in wrong)
        if not wrong:
            sound[place] = federated_row(client)
    yield from _wrong_together(sound)


def _wrong_together(rows: Mapping[str, Row]) -> Iterator[str]:
    first_of_subject: dict[tuple[str, str], Row] = {}
    first_of_issuer: dict[str, Row] = {}
    for place, row in rows.items():
        path = f"{place}.federated"
        first = first_of_subject.setdefault((row["issuer"], row["subject"]), row)
        if first is not row:
            yield f"{path}: has the issuer and subject of {first['client_id']}; remove one"
        for name in filter(None, (row["issuer"], row["trust_domain"])):
            first = first_of_issuer.setdefault(name, row)
            if any(row[member] != first[member] for member in _OF_ONE_ISSUER):
                yield f"{path}: declares {name} otherwise than {first['client_id']}; use the same keys"


def _wrong_alone(federated: Row) -> Iterator[str]:
    trust_domain = federated["trust_domain"]
    if not federated["issuer"] and not trust_domain:
        yield "needs an issuer or a trust_domain; declare one of them"
    if bool(federated["jwks_uri"]) == bool(federated["jwks_file"]):
        yield "needs either a jwks_uri or a jwks_file; declare one of them"
    elif not str(federated["jwks_uri"]).startswith("https:"):
        for name in ("ca_file", "bearer_file"):
            if federated[name]:
                yield f"has a {name} without a jwks_uri of https; remove it"
    if trust_domain and not federated["subject"].startswith(f"spiffe://{trust_domain}/"):
        yield f"has a subject outside its trust_domain; it begins with spiffe://{trust_domain}/"
