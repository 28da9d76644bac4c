"""Recorded requests as curl commands to paste on the host: public addresses, credentials as shell variables.

The variables are CLIENT_SECRET, CLIENT_ASSERTION, TOKEN, DPOP_PROOF, and FORGED_TOKEN, which only a case can
make. They go to curl's standard input: other users of the machine can read arguments in the process list.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote_plus, unquote_plus, urlsplit

from recording.exchange import DecodedToken, Exchange, Message
from recording.redaction import BASIC, is_redacted

from flow_explorer.recorded_run import RecordedRun

MASKED_BASIC = re.compile("Basic " + re.escape(BASIC.format("CLIENT_ID")).replace("CLIENT_ID", "(.*)"))
TOKEN = "$TOKEN"  # noqa: S105  # a variable
FORGED_TOKEN = "$FORGED_TOKEN"  # noqa: S105
PROOF = "$DPOP_PROOF"
ASSERTION = "$CLIENT_ASSERTION"
VARIABLES = {"client_secret": "$CLIENT_SECRET", "client_assertion": ASSERTION}  # all other members hold TOKEN


class ConfigLine(str):
    """A line of curl's configuration, with a variable in it; unquoted, so that curl takes it as it is."""

    __slots__ = ()


def commands(recorded: RecordedRun, public: Mapping[str, str]) -> Iterator[str]:
    """Yield for each exchange the command that sends its request again, one line for each part of it."""
    variables: list[tuple[DecodedToken | None, str]] = []  # of the JWTs seen so far
    for exchange in recorded.exchanges:
        request = exchange.request
        if "client_assertion=" in request.body:
            variables.append((request.token, ASSERTION))
        unknown = FORGED_TOKEN if recorded.run.case else TOKEN
        known = (variable for token, variable in variables if token == request.token)
        yield _command(exchange, public, next(known, unknown))
        if exchange.response and exchange.response.token:
            variables.append((exchange.response.token, TOKEN))


def _command(exchange: Exchange, public: Mapping[str, str], bearer: str) -> str:
    request = exchange.request
    url = _url(exchange.url, public)
    body = list(_body(request))
    parts = [url, *_authorization(request, bearer)]
    default_method = "POST" if body else "GET"
    if exchange.method != default_method:
        parts.append(f"--request {exchange.method}")
    if request.proof:
        parts.append(ConfigLine(f'header = \\"DPoP: {PROOF}\\"'))
    parts += body
    command = _curl(parts)
    if request.body_shortened:
        command = f"# body.json: the body of {request.body_size:,} bytes, which is not kept\n{command}"
    if request.proof:
        command = f"# DPOP_PROOF: a new proof for this request; a server accepts each one once\n{command}"
    if FORGED_TOKEN in command:
        command = f"# FORGED_TOKEN: the token that this case forges; its signature is not kept\n{command}"
    return command


def _curl(parts: Sequence[str]) -> str:
    """Return the command line of these parts: its arguments, and what it reads from standard input."""
    arguments = " \\\n  ".join(part for part in parts if not isinstance(part, ConfigLine))
    lines = [f'"{part}"' for part in parts if isinstance(part, ConfigLine)]
    if not lines:
        return f"curl -si {arguments}"
    return f"printf '%s\\n' {' '.join(lines)} |\n  curl -siK - {arguments}".rstrip()


def _url(url: str, public: Mapping[str, str]) -> str:
    url = _public(url, public)
    parts = urlsplit(url)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    if not any(is_redacted(value) for _, _, value in pairs):
        return shlex.quote(url)
    query = "&".join(f"{name}={_quotable(name, value)}" for name, _, value in pairs)
    return ConfigLine(f"url = {_escaped(parts._replace(query='').geturl())}?{query}")


def _public(url: str, public: Mapping[str, str]) -> str:
    for here, outside in public.items():
        base = here.rstrip("/")
        if url == here or url.startswith(f"{base}/"):
            return outside.rstrip("/") + url.removeprefix(base)
    return url


def _authorization(request: Message, bearer: str) -> Iterator[str]:
    value = request.header("Authorization")
    basic = MASKED_BASIC.fullmatch(value)
    if basic:
        yield ConfigLine(f"user = {quote_plus(basic[1])}:$CLIENT_SECRET")  # RFC 6749 2.3.1: form-encoded
    elif value.startswith("DPoP "):
        yield ConfigLine(f'header = \\"Authorization: DPoP {bearer}\\"')
    elif value.startswith("Bearer "):
        token = value.removeprefix("Bearer ")
        if is_redacted(token):
            yield ConfigLine(f"oauth2-bearer = {bearer}")
        else:
            yield f"--oauth2-bearer {shlex.quote(token)}"


def _body(request: Message) -> Iterator[str]:
    media_type = request.header("Content-Type")
    if media_type == "application/json":  # not --json, which curl has from 7.82 on
        yield f"--header {shlex.quote(f'Content-Type: {media_type}')}"
        body = "@body.json" if request.body_shortened else shlex.quote(request.body)
        yield f"--data {body}"
    elif request.body:
        yield from map(_parameter, request.body.split("&"))


def _parameter(pair: str) -> str:
    name, _, value = pair.partition("=")
    if is_redacted(value):
        return ConfigLine(f"data = {name}={_quotable(name, value)}")
    decoded = unquote_plus(value)
    word = shlex.quote(f"{name}={decoded}")
    if decoded == value:
        return f"--data {word}"
    return f"--data-urlencode {word}"


def _quotable(name: str, value: str) -> str:
    """Return a member's value for a word in double quotes, the variable if it is redacted."""
    if is_redacted(value):
        return VARIABLES.get(name, TOKEN)
    return _escaped(value)


def _escaped(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text).replace("!", "%21")
