"""A recorded request as a curl command to paste on the host: public addresses, credentials as variables.

CLIENT_SECRET, CLIENT_ASSERTION and TOKEN are the variables; a word that holds one is in double quotes.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus, urlsplit

from .redaction import BASIC, CUT, MASK
from .settings import Settings

VARIABLES = {"client_secret": "$CLIENT_SECRET", "client_assertion": "$CLIENT_ASSERTION"}
TOKEN = "$TOKEN"  # noqa: S105  # its place


def public_addresses(settings: Settings) -> dict[str, str]:
    """Return where the two servers are reached from the host, by where they are from here."""
    return {settings.issuer_url: settings.issuer, settings.api_url: settings.audience}


def command(exchange: Mapping[str, Any], public: Mapping[str, str]) -> str:
    """Return the command, a line for each of its parts, that sends the request of an exchange again."""
    method, request = exchange["method"], exchange["request"]
    body = list(_body(request))
    if method != ("POST" if body else "GET"):
        body.insert(0, f"--request {method}")
    return " \\\n  ".join(["curl -si " + _url(exchange["url"], public), *_authorization(request), *body])


def _url(url: str, public: Mapping[str, str]) -> str:
    for here, outside in public.items():
        if url == here or url.startswith(here.rstrip("/") + "/"):
            url = outside.rstrip("/") + url.removeprefix(here.rstrip("/"))
            break
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    if not any(_is_masked(value) for _, _, value in pairs):
        return shlex.quote(url)
    shown = "&".join(f"{name}={_shown(name, value)}" for name, _, value in pairs)
    return f'"{_escaped(parts._replace(query="").geturl())}?{shown}"'


def _authorization(request: Mapping[str, Any]) -> Iterator[str]:
    value = next((value for name, value in request["headers"] if name == "Authorization"), "")
    if basic := BASIC.fullmatch(value):
        yield f'--user "{quote_plus(basic[1])}:$CLIENT_SECRET"'  # RFC 6749 2.3.1: form-encoded
    elif value.startswith("Bearer "):
        token = value.removeprefix("Bearer ")
        yield "--oauth2-bearer " + (f'"{TOKEN}"' if _is_masked(token) else shlex.quote(token))


def _body(request: Mapping[str, Any]) -> Iterator[str]:
    kind = next((value for name, value in request["headers"] if name == "Content-Type"), "")
    if kind == "application/json":  # not --json, which curl has from 7.82 on
        yield f"--header {shlex.quote(f'Content-Type: {kind}')}"
        yield f"--data {'@body.json' if request['body_shortened'] else shlex.quote(request['body'])}"
    elif request["body"]:
        yield from map(_parameter, request["body"].split("&"))


def _parameter(pair: str) -> str:
    name, _, value = pair.partition("=")
    if _is_masked(value):
        return f'--data "{name}={_shown(name, value)}"'
    decoded = unquote_plus(value)
    return f"--data{'-urlencode' if decoded != value else ''} {shlex.quote(f'{name}={decoded}')}"


def _is_masked(value: str) -> bool:
    return value.endswith((MASK, CUT))


def _shown(name: str, value: str) -> str:
    return VARIABLES.get(name, TOKEN) if _is_masked(value) else _escaped(value)


def _escaped(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text).replace("!", "%21")
