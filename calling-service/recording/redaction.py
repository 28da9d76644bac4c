"""What may be remembered of an HTTP message: all but credentials, and of a token all but its signature.

Two nets: known places (headers, form fields, JSON members) are masked whatever stands there, and the
credentials found there are cut out of everything else, in each encoding in which a server could echo them.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

MASK = "[masked]"
CUT = "[signature cut]"
BASIC = re.compile(r"Basic \[base64 of (.*):<client secret>, masked\]")  # as header() shows it
SIGNED_MEMBERS = frozenset({"access_token", "refresh_token", "id_token", "token", "client_assertion"})
SECRET_MEMBERS = frozenset({"client_secret", "password"}) | SIGNED_MEMBERS
MASKED_HEADERS = frozenset({"proxy-authorization", "cookie", "set-cookie"})
SHORTEST = 4  # characters; a credential that is shorter is masked in its places only
LOOSE = re.compile(rf"""((?:{"|".join(sorted(SECRET_MEMBERS))})["']?\s*[:=]\s*["']?)([^"'&\s,}}<]+)""")
# Each run of a token's characters is tried once, from its first eyJ: from every eyJ takes quadratic time.
JWT = re.compile(r"(?<![\w-])((?>[\w-]*?eyJ)[\w-]++\.[\w-]*+\.)[\w-]++", re.ASCII)
JWT_PART = re.compile(r"(?<![\w-])((?>[\w-]*?\beyJ[\w-]{6}))[\w-]++(?=\.)", re.ASCII)


def jwt_parts(token: str) -> dict[str, Any] | None:
    """Return a JWT's header and payload, decoded and not verified; None for what is no JWT (RFC 7519 3)."""
    try:
        header, payload, _ = token.split(".")
        return {"header": _decoded(header), "payload": _decoded(payload)}
    except (ValueError, RecursionError):
        return None


def _decoded(part: str) -> dict[str, Any]:
    value = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  # a value from outside, like the others here
    return value


def unsigned(token: str) -> str:
    """Return the token with its signature, if it has one, cut; a mask where it is no JWT."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{CUT if signature else ''}" if jwt_parts(token) else MASK


def short_tokens(text: str) -> str:
    """Return the text with the beginnings alone of each JWT's header and payload."""
    return JWT_PART.sub(r"\1…", text)


def credentials_of(token: str) -> tuple[str, ...]:
    """Return what must not be seen of a token: all of it, and its signature; nothing of a JWT without one."""
    signature = token.rpartition(".")[2]
    return (token, signature) if signature or not jwt_parts(token) else ()


def credentials_in_header(value: str) -> tuple[str, ...]:
    """Return the credentials in an Authorization header, for Basic also decoded (RFC 6749 2.3.1)."""
    scheme, _, sent = value.partition(" ")
    if scheme.lower() != "basic":
        return credentials_of(sent.strip())
    try:
        _, _, encoded = base64.b64decode(sent, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return (sent,)
    return sent, encoded, unquote_plus(encoded)


def header(name: str, value: str) -> str:
    """Return the header's value as it may be remembered."""
    if name.lower() in MASKED_HEADERS:
        return MASK
    if name.lower() != "authorization":
        return value
    scheme, _, sent = value.partition(" ")
    if scheme.lower() == "bearer":
        return f"{scheme} {unsigned(sent.strip())}"
    return f"{scheme} {_client_id(sent) if scheme.lower() == 'basic' else MASK}"


def _client_id(basic: str) -> str:
    try:
        client_id, colon, _ = base64.b64decode(basic, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return MASK
    return f"[base64 of {unquote_plus(client_id)}:<client secret>, masked]" if colon else MASK


def form(text: str) -> tuple[str, list[str]]:
    """Return a form body or query with its credentials masked (of tokens the signature), and those."""
    found, kept = list[str](), []
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        shown, credentials = _member(unquote_plus(name), unquote_plus(value))
        found += [*credentials, value] if credentials else []
        kept.append(pair if shown is None else f"{name}={shown}")
    return "&".join(kept), found


def document(value: object) -> tuple[Any, list[str]]:
    """Return a JSON value with its credentials masked (of tokens the signature), and those credentials."""
    found: list[str] = []

    def masked(value: object, name: str = "") -> object:
        if isinstance(value, dict):
            return {key: masked(member, key) for key, member in value.items()}
        if isinstance(value, list):
            return [masked(item, name) for item in value]
        shown, credentials = _member(name, str(value)) if value is not None else (None, ())
        found.extend(credentials)
        return value if shown is None else shown

    return masked(value), found


def _member(name: str, value: str) -> tuple[str | None, tuple[str, ...]]:
    """Return how a member may be shown, None for as it is, and the credentials that it holds."""
    if name in SIGNED_MEMBERS:
        return unsigned(value), credentials_of(value)
    return (MASK, (value,)) if name in SECRET_MEMBERS else (None, ())


def without(text: str, credentials: Iterable[str]) -> str:
    """Return the text with every form of the credentials masked, and every JWT's signature cut."""
    forms = {each for secret in credentials if len(secret) >= SHORTEST for each in _forms(secret)}
    for each in sorted(forms, key=len, reverse=True):
        text = text.replace(each, MASK)
    return JWT.sub(rf"\1{CUT}", text)


def _forms(secret: str) -> set[str]:
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    plain = {
        secret,
        unquote(secret),
        unquote_plus(secret),
        *quoted,
        *(quote(each, safe="") for each in quoted),
    }
    plain |= {re.sub("%..", lambda found: found[0].lower(), each) for each in plain}
    plain |= {json.dumps(each, ensure_ascii=escaped)[1:-1] for each in plain for escaped in (True, False)}
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    return {
        each for each in plain | encoded | {each.rstrip("=") for each in encoded} if len(each) >= SHORTEST
    }


def loose(text: str) -> tuple[str, list[str]]:
    """Return text of no known form with what follows a credential's name masked, and those credentials."""
    found = [value for _, value in LOOSE.findall(text)]
    return LOOSE.sub(rf"\1{MASK}", text), found
