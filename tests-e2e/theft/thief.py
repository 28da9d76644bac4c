"""Try out what was stolen: `python thief.py`, with {name: text} in JSON on standard input.

It knows nothing but that text. It prints, for each of two rounds, what it tried and what was answered.
"""

import json
import re
import socket
import sys
import time
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import requests
from calling_service.oauth_client.dpop import DpopKey
from calling_service.oauth_client.private_key_jwt import ASSERTION_TYPE, client_assertion

JWT = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
BASIC = re.compile(r"Authorization: Basic (\S+)")
PROOF = re.compile(r"DPoP: (\S+)")
REQUEST = re.compile(r"(GET|POST) \S+ HTTP/1.1\r\n(?:.*\r\n)*?Host: (\S+)\r\n")
Loot = Mapping[str, str]
Attempt = tuple[str, str, int, str]  # at which server, what was tried, the status, the error
TOKEN, API = "token endpoint", "API"
KEY = DpopKey()  # the thief's own


def part_of(jwt: str, index: int) -> dict[str, Any]:
    """Return the header (0) or the payload (1) of a JWT."""
    part = jwt.split(".")[index]
    return dict(json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def tokens_in(loot: Loot, kind: str) -> list[str]:
    """Return the JWTs of a type."""
    found = JWT.findall("\n".join(loot.values()))
    return sorted({jwt for jwt in found if str(part_of(jwt, 0).get("typ")).lower() == kind})


def attempts(loot: Loot) -> Iterator[Attempt]:
    """Try everything."""
    for text in loot.values():
        if REQUEST.match(text):
            yield from send_again(text)
            yield from ask_with_its_credential(text)
    if "settings.json" in loot:
        yield from ask_as_the_client(loot, json.loads(loot["settings.json"]))
    for token in tokens_in(loot, "at+jwt"):
        yield from call_api(token, loot)


def send_again(text: str) -> Iterator[Attempt]:
    """Send the bytes of a request, as they are, and use the token that comes back."""
    host, _, port = REQUEST.match(text)[2].rpartition(":")  # type: ignore[index]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(text.encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    server = TOKEN if text.startswith("POST /oauth/token") else API
    yield server, "the same bytes again", int(head.split()[1]), error_in(head.decode(), body.decode())
    for token in tokens_in({"answer": body.decode()}, "at+jwt"):
        yield from call_api(token, {})


def ask_with_its_credential(text: str) -> Iterator[Attempt]:
    """Take the credential out of a token request, and ask for tokens with it."""
    form = {name: values[0] for name, values in parse_qs(text.partition("\r\n\r\n")[2]).items()}
    if "grant_type" in form:
        url = f"http://{REQUEST.match(text)[2]}/oauth/token"  # type: ignore[index]
        basic = BASIC.search(text)
        secret = tuple(b64decode(basic[1]).decode().split(":")) if basic else None
        yield from ask(url, form, secret)


def ask_as_the_client(loot: Loot, settings: dict[str, str]) -> Iterator[Attempt]:
    """Ask for tokens with the files of the client."""
    credential = loot["credential"]
    form = {"grant_type": "client_credentials", "audience": settings["audience"]}
    secret = None
    if "PRIVATE KEY" in credential:
        form |= client_assertion(settings["client_id"], settings["issuer"], credential, time.time())
    elif JWT.fullmatch(credential):
        form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": credential}
    else:
        secret = (settings["client_id"], credential)
    yield from ask(f"{settings['issuer']}/oauth/token", form, secret)


def ask(url: str, form: Mapping[str, str], secret: Any) -> Iterator[Attempt]:
    """Ask for a token with a proof of the thief's own key, which a server that knows no proofs ignores."""
    proof = {"DPoP": KEY.proof("POST", url)}
    answer = requests.post(url, form, auth=secret, headers=proof, timeout=10)
    yield TOKEN, "its credential, in a new request", answer.status_code, error_in("", answer.text)
    if answer.ok:
        token = answer.json()["access_token"]
        served = served_with(token, "DPoP", KEY.proof("GET", api_of(token), token))
        yield API, "the new token", served.status_code, error_in(str(served.headers), "")


def api_of(token: str) -> str:
    """Return the address of the API that the token names."""
    return f"{part_of(token, 1)['aud']}/timesheets"


def call_api(token: str, loot: Loot) -> Iterator[Attempt]:
    """Call the API with a stolen token, in every way."""
    ways = {
        "the token, as Bearer": served_with(token, "Bearer", ""),
        "the token, with a proof by the thief's key": served_with(
            token, "DPoP", KEY.proof("GET", api_of(token), token)
        ),
    }
    for proof in PROOF.findall("\n".join(loot.values())):
        ways["the token, with the stolen proof"] = served_with(token, "DPoP", proof)
    for how, served in ways.items():
        yield API, how, served.status_code, error_in(str(served.headers), "")


def served_with(token: str, scheme: str, proof: str) -> requests.Response:
    """Read timesheets."""
    headers = {"Authorization": f"{scheme} {token}"}
    return requests.get(api_of(token), headers=headers | {"DPoP": proof} if proof else headers, timeout=10)


def error_in(head: str, body: str) -> str:
    """Return the error of a refusal: of the challenge, or of the body."""
    named = re.search(r'error="(\w+)"', head) or re.search(r'"error": ?"(\w+)"', body)
    return named[1] if named else ""


if __name__ == "__main__":
    stolen = json.load(sys.stdin)
    json.dump([list(attempts(stolen)) for _ in range(2)], sys.stdout)
