"""Recorded requests as curl commands to paste on the host: public addresses, credentials as variables.

CLIENT_SECRET, CLIENT_ASSERTION and TOKEN are the variables, and FORGED_TOKEN, which only the case can make; a
word that holds one is in double quotes.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus, urlsplit

from calling_service.settings import Settings
from recording.redaction import BASIC, CUT, MASK

VARIABLES = {"client_secret": "$CLIENT_SECRET", "client_assertion": "$CLIENT_ASSERTION"}
TOKEN, FORGED_TOKEN = "$TOKEN", "$FORGED_TOKEN"  # their places


def public_addresses(settings: Settings) -> dict[str, str]:
    """Return where the two servers are reached from the host, by where they are from here."""
    return {settings.issuer_url: settings.issuer, settings.api_url: settings.audience}


def commands(run: Mapping[str, Any], public: Mapping[str, str]) -> Iterator[str]:
    """Yield for each exchange the command that sends its request again, a line for each of its parts."""
    known: list[tuple[Any, str]] = []  # the JWTs so far, and their places
    for exchange in run["exchanges"]:
        request, response = exchange["request"], exchange["response"]
        if "client_assertion=" in request["body"]:
            known.append((request["token"], VARIABLES["client_assertion"]))
        others = FORGED_TOKEN if run.get("case") else TOKEN
        presented = next((place for token, place in known if token == request["token"]), others)
        yield _command(exchange, public, presented)
        if response and response["token"]:
            known.append((response["token"], TOKEN))


def _command(exchange: Mapping[str, Any], public: Mapping[str, str], presented: str) -> str:
    method, request = exchange["method"], exchange["request"]
    authorization, body = list(_authorization(request, presented)), list(_body(request))
    if method != ("POST" if body else "GET"):
        body.insert(0, f"--request {method}")
    command = " \\\n  ".join(["curl -si " + _url(exchange["url"], public), *authorization, *body])
    if request["body_shortened"]:
        command = f"# body.json: the body, of {request['body_size']:,} bytes, which is not kept\n{command}"
    if FORGED_TOKEN in " ".join(authorization):
        command = f"# FORGED_TOKEN: what this case makes of a token; its signature is not kept\n{command}"
    return command


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


def _authorization(request: Mapping[str, Any], presented: str) -> Iterator[str]:
    value = next((value for name, value in request["headers"] if name == "Authorization"), "")
    if basic := BASIC.fullmatch(value):
        yield f'--user "{quote_plus(basic[1])}:$CLIENT_SECRET"'  # RFC 6749 2.3.1: form-encoded
    elif value.startswith("Bearer "):
        token = value.removeprefix("Bearer ")
        yield "--oauth2-bearer " + (f'"{presented}"' if _is_masked(token) else shlex.quote(token))


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
