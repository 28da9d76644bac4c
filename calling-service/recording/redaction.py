"""What may be kept of an HTTP message: all but credentials, and of a token all but its signature.

Two rules. Known places (headers, form fields, JSON members) are masked whatever they hold. The credentials
found there are then removed from everything else, in each encoding in which a server could echo them.
"""

import base64
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from recording.exchange import DecodedToken

MASK = "[masked]"
CUT = "[signature cut]"
BASIC = "[base64 of {}:<client secret>, masked]"  # with the client id
SIGNED_MEMBERS = frozenset({"access_token", "refresh_token", "id_token", "token", "client_assertion"})
SECRET_MEMBERS = frozenset({"client_secret", "password"}) | SIGNED_MEMBERS
MASKED_HEADERS = frozenset({"proxy-authorization", "cookie", "set-cookie"})
SHORTEST = 4  # characters; a shorter credential is masked in its known places only
LOOSE = re.compile(rf"""((?:{"|".join(sorted(SECRET_MEMBERS))})["']?\s*[:=]\s*["']?)([^"'&\s,}}<]+)""")
# A run of a token's characters is tried once, from its first eyJ; from every eyJ would take quadratic time.
JWT = re.compile(r"(?<![\w-])((?>[\w-]*?eyJ)[\w-]++\.[\w-]*+\.)[\w-]++", re.ASCII)


def is_redacted(value: str) -> bool:
    """Return whether a value is masked, or a token whose signature is cut."""
    return value.endswith((MASK, CUT))


def decoded(token: str) -> DecodedToken | None:
    """Return a JWT's header and payload without verifying it; None for what is not a JWT (RFC 7519 3)."""
    try:
        header, payload, _ = token.split(".")
        return DecodedToken(_json_object(header), _json_object(payload))
    except (ValueError, RecursionError):
        return None


def _json_object(part: str) -> dict[str, Any]:
    padding = "=" * (-len(part) % 4)
    value = json.loads(base64.urlsafe_b64decode(part + padding))
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004  # a value from outside, like the others here
    return value


def _token(token: str) -> tuple[str, tuple[str, ...]]:
    """Return a JWT with its signature cut, or a mask for any other token; and what must not be seen of it."""
    signed, _, signature = token.rpartition(".")
    if not decoded(token):
        return MASK, (token, signature)
    if not signature:
        return token, ()
    return f"{signed}.{CUT}", (token, signature)


def mask_header(name: str, value: str) -> tuple[str, tuple[str, ...]]:
    """Return a header's value as it may be kept, and the credentials in an Authorization header."""
    if name.lower() in MASKED_HEADERS:
        return MASK, ()
    if name.lower() == "dpop":
        return _token(value)
    if name.lower() != "authorization":
        return value, ()
    scheme, _, sent = value.partition(" ")
    if scheme.lower() == "basic":
        return _basic(scheme, sent)
    masked, credentials = _token(sent.strip())
    if scheme.lower() in {"bearer", "dpop"}:
        return f"{scheme} {masked}", credentials
    return f"{scheme} {MASK}", credentials


def _basic(scheme: str, sent: str) -> tuple[str, tuple[str, ...]]:
    client_id, colon, secret = _decoded_basic(sent).partition(":")  # RFC 6749 2.3.1: form-encoded
    credentials = (sent, secret, unquote_plus(secret))
    if colon:
        return f"{scheme} {BASIC.format(unquote_plus(client_id))}", credentials
    return f"{scheme} {MASK}", credentials


def _decoded_basic(sent: str) -> str:
    """Return a client id and a secret, joined by a colon; "" for what is not base64 of text."""
    try:
        return base64.b64decode(sent, validate=True).decode()
    except ValueError:
        return ""


def may_hold_a_secret(text: str) -> bool:
    """Return whether a JSON text could have a member with a credential, perhaps under an escaped name."""
    return "\\" in text or any(name in text for name in SECRET_MEMBERS)


def mask_form(text: str) -> tuple[str, list[str]]:
    """Return a form body or query with its credentials masked, and those credentials."""
    credentials: list[str] = []
    pairs: list[str] = []
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        member = unquote_plus(name)
        if member not in SECRET_MEMBERS:
            pairs.append(pair)
            continue
        masked, found = _masked(member, unquote_plus(value))
        pairs.append(f"{name}={masked}")
        if found:
            credentials += [*found, value]
    return "&".join(pairs), credentials


def mask_json(value: object) -> tuple[Any, list[str]]:
    """Return a JSON value with its credentials masked, and those credentials."""
    credentials: list[str] = []

    def redacted(value: object, name: str = "") -> object:
        if isinstance(value, dict):
            return {key: redacted(member, key) for key, member in value.items()}
        if isinstance(value, list):
            return [redacted(item, name) for item in value]
        if name not in SECRET_MEMBERS or value is None:
            return value
        masked, found = _masked(name, str(value))
        credentials.extend(found)
        return masked

    return redacted(value), credentials


def mask_text(text: str) -> tuple[str, list[str]]:
    """Return text of an unknown form with the values after a credential's name masked, and those values."""
    credentials = [value for _, value in LOOSE.findall(text)]
    return LOOSE.sub(rf"\1{MASK}", text), credentials


def _masked(name: str, value: str) -> tuple[str, tuple[str, ...]]:
    """Return a secret member as it may be kept, and the credentials in it."""
    if name in SIGNED_MEMBERS:
        return _token(value)
    return MASK, (value,)


def forms_of(credentials: Iterable[str]) -> Sequence[str]:
    """Return every form of the credentials in which a server could echo them, the longest first."""
    forms: set[str] = set()
    for credential in set(credentials):
        if len(credential) >= SHORTEST:
            forms |= _forms(credential)
    return sorted(forms, key=len, reverse=True)


def mask_everywhere(text: str, forms: Iterable[str]) -> str:
    """Return the text with these forms of credentials masked and the signature of every JWT cut."""
    for each in forms:
        text = text.replace(each, MASK)
    if "eyJ" not in text:
        return text
    return JWT.sub(rf"\1{CUT}", text)


def _forms(credential: str) -> set[str]:
    """Return the credential as it may appear: as it is, URL-encoded (twice, too), in JSON, in base64."""
    forms = {credential, unquote(credential), unquote_plus(credential)}
    for quoted in (quote(credential, safe=""), quote(credential), quote_plus(credential)):
        forms |= {quoted, quote(quoted, safe="")}
    forms |= {re.sub("%..", lambda found: found[0].lower(), each) for each in forms}
    ascii_only = {json.dumps(each)[1:-1] for each in forms}
    forms |= ascii_only | {json.dumps(each, ensure_ascii=False)[1:-1] for each in forms}
    octets = credential.encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(octets).decode()
        forms |= {encoded, encoded.rstrip("=")}
    return {each for each in forms if len(each) >= SHORTEST}
