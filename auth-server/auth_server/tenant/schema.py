"""The schema of the tenant file: which members an entry has, and what each must be.

Not here: what the entries must be to each other (tenant/reading.py).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from auth_server.algorithms import DEFAULT_ALG, SIGNING_ALGS
from auth_server.grammar import CLIENT_ID, SCOPE_TOKEN, is_absolute_uri
from auth_server.settings import MAX_TOKEN_LIFETIME
from auth_server.settings_reader import is_http_url

_REQUIRED = object()
_ISSUER = re.compile("[!-~]{1,200}")
_DNS_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,9}")
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an entry: what it must be, in words, whether a value is that, and how it is stored."""

    must: str
    holds: Callable[[Any], bool]
    default: Any = _REQUIRED
    stored_as: Callable[[Any], Any] = lambda value: value
    members: Mapping[str, "Member"] | None = None  # of a value that is itself an entry


def _matching(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and bool(pattern.fullmatch(value))


def _different(item: Callable[[Any], bool], most: int | None = None) -> Callable[[Any], bool]:
    def holds(value: Any) -> bool:
        if not isinstance(value, list) or not 0 < len(value) <= (most or len(value)):
            return False
        return all(map(item, value)) and len(set(value)) == len(value)

    return holds


def _is_uri(value: Any) -> bool:
    # RFC 8707 2: a resource is an absolute URI without a fragment.
    return isinstance(value, str) and bool(re.fullmatch(r"[!-~]{1,200}", value)) and is_absolute_uri(value)


def _is_name(value: Any) -> bool:
    return _is_text(value, 100)


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= longest


def _is_file_name(value: Any) -> bool:
    return isinstance(value, str) and PurePosixPath(value).name == value and value.isprintable()


def _is_path(value: Any) -> bool:
    return _is_file_name(value) or (isinstance(value, str) and value[:1] == "/" and value.isprintable())


def _is_http_url(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 500 and is_http_url(value, query=True)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_metadata(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for pair in value.items() for text in pair)


def _is_lifetime(value: Any) -> bool:
    return type(value) is int and 1 <= value <= MAX_TOKEN_LIFETIME


_NAME = Member("1 to 100 printable characters", _is_name)
_URI = Member("an absolute URI without a fragment", _is_uri)
_CLIENT_ID = Member("1 to 128 printable ASCII characters", _matching(CLIENT_ID))
_INTROSPECTED_BY = Member(
    "the client_id of a client, or a list of different ones",
    lambda value: _CLIENT_ID.holds(value) or _different(_CLIENT_ID.holds)(value),
    default=None,
    stored_as=lambda value: [value] if isinstance(value, str) else value,
)
_SCOPES = Member(
    "a list of different scopes (RFC 6749 3.3), at least one", _different(_matching(SCOPE_TOKEN))
)
_LIFETIME = Member(f"1 to {MAX_TOKEN_LIFETIME} seconds", _is_lifetime, default=None)
_ALG = Member(f"one of {', '.join(SIGNING_ALGS)}", SIGNING_ALGS.__contains__, default=DEFAULT_ALG)
_ENABLED = Member("true or false", _is_boolean, default=True)
_METADATA = Member("a mapping of strings to strings", _is_metadata, default=None)
_FILES = "a list of one or two names of files in SECRETS_DIR"
_DIGESTS = Member(_FILES, _different(_is_file_name, most=2), default=[])
_JWKS_FILE = Member("the name of a file in SECRETS_DIR", _is_file_name, default=None)
_FLAG = Member("true or false", _is_boolean, default=None)
AUDIENCE_FLAG = Member("true or false, beside a jwks_file", _is_boolean, default=None)
_PATH = Member("the name of a file in SECRETS_DIR, or an absolute path", _is_path, default=None)
_SAN: Mapping[str, Member] = {
    "san_dns": Member("a DNS name", _matching(_DNS_NAME), default=None),
    "san_uri": Member("an absolute URI without a fragment", _is_uri, default=None),
}
_SELF_SIGNED: Mapping[str, Member] = {"jwks_file": Member("the name of a file in SECRETS_DIR", _is_file_name)}
_FEDERATED: Mapping[str, Member] = {
    "issuer": Member("1 to 200 visible ASCII characters", _matching(_ISSUER), default=None),
    "subject": Member("1 to 500 printable characters", lambda value: _is_text(value, 500)),
    "audience": Member("1 to 200 visible ASCII characters", _matching(_ISSUER), default=None),
    "jwks_uri": Member("an absolute http(s) URL", _is_http_url, default=None),
    "jwks_file": _JWKS_FILE,
    "ca_file": _PATH,
    "bearer_file": _PATH,
    "trust_domain": Member("the name of a SPIFFE trust domain", _matching(_TRUST_DOMAIN), default=None),
}

SCHEMA: Mapping[str, Mapping[str, Member]] = {
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
        "token_endpoint_audience": AUDIENCE_FLAG,
        "federated": Member(
            "a mapping",
            lambda value: isinstance(value, dict),
            default=None,
            stored_as=lambda value: value and stored(value, _FEDERATED),
            members=_FEDERATED,
        ),
        "dpop_bound_access_tokens": _FLAG,
        "tls_client_auth": Member(
            "a mapping with either a san_dns or a san_uri",
            lambda value: isinstance(value, dict) and len(value) == 1,
            default=None,
            stored_as=lambda value: value and _certificate_name(stored(value, _SAN)),
            members=_SAN,
        ),
        "self_signed_tls_client_auth": Member(
            "a mapping",
            lambda value: isinstance(value, dict),
            default=None,
            stored_as=lambda value: value and value["jwks_file"],
            members=_SELF_SIGNED,
        ),
        "tls_client_certificate_bound_access_tokens": _FLAG,
    },
    "grants": {"client": _CLIENT_ID, "audience": _URI, "scopes": _SCOPES, "token_lifetime": _LIFETIME},
}


def stored(entry: Mapping[str, Any], members: Mapping[str, Member]) -> dict[str, Any]:
    """Return an entry as it is stored, with the defaults of what it does not name."""
    return {name: member.stored_as(entry.get(name, member.default)) for name, member in members.items()}


def _certificate_name(names: Mapping[str, str | None]) -> str:
    dns_name = names["san_dns"]
    return f"DNS:{dns_name.lower()}" if dns_name else f"URI:{names['san_uri']}"


def wrong_members(entry: Mapping[str, Any], members: Mapping[str, Member]) -> Iterator[str]:
    """Yield what is wrong with an entry, each as the name of a member and a sentence."""
    for name in entry:
        if name not in members:
            yield f"{name}: is unknown; remove it"
    for name, member in members.items():
        if name in entry and not member.holds(entry[name]):
            yield f"{name}: must be {member.must}"
        elif name in entry and member.members:
            yield from (f"{name}.{problem}" for problem in wrong_members(entry[name], member.members))
        if name not in entry and member.default is _REQUIRED:
            yield f"{name}: is missing; it must be {member.must}"
