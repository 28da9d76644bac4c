"""Try out what was stolen: `python thief.py`, with a Task in JSON on standard input.

It knows what was stolen and where the servers are, and has a key and a certificate of its own. It prints, for
each of two rounds, what it tried and what was answered.
"""

import json
import re
import socket
import ssl
import sys
import tempfile
import time
import warnings
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import parse_qs, urlsplit

import requests
from calling_service.oauth_client.dpop import DpopKey
from calling_service.oauth_client.private_key_jwt import ASSERTION_TYPE, client_assertion

JWT = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
BASIC = re.compile(r"Authorization: Basic (\S+)")
PROOF = re.compile(r"DPoP: (\S+)")
REQUEST = re.compile(r"(GET|POST) \S+ HTTP/1.1\r\n")
Loot = Mapping[str, str]
Attempt = tuple[str, str, int, str]  # at which server, what was tried, the status, the error
TOKEN, API = "token endpoint", "API"


class Task(TypedDict):
    """What a thief gets: texts by name, the addresses of the servers, and a certificate of its own."""

    loot: Loot
    servers: Mapping[str, str]
    certificate: str


def part_of(jwt: str, index: int) -> dict[str, Any]:
    """Return the header (0) or the payload (1) of a JWT."""
    part = jwt.split(".")[index]
    return dict(json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def access_tokens_in(text: str) -> list[str]:
    """Return the access tokens in a text."""
    found = sorted(set(JWT.findall(text)))
    return [jwt for jwt in found if str(part_of(jwt, 0).get("typ")).lower() == "at+jwt"]


class Thief:
    """Tries everything with one loot."""

    def __init__(self, task: Task, folder: Path) -> None:
        self._loot = task["loot"]
        self._servers = task["servers"]
        self._key = DpopKey()  # of its own
        stolen = self._loot.get("credential", "")
        certificate = folder / "certificate.pem"
        certificate.write_text(stolen if "CERTIFICATE" in stolen else task["certificate"])
        self._certificate = str(certificate)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = False  # a thief does not mind
        self._session.cert = self._certificate

    def attempts(self) -> Iterator[Attempt]:
        """Try everything."""
        for text in self._loot.values():
            if REQUEST.match(text):
                yield from self._send_again(text)
                yield from self._ask_with_its_credential(text)
        if "settings.json" in self._loot:
            yield from self._ask_as_the_client(json.loads(self._loot["settings.json"]))
        everything = "\n".join(self._loot.values())
        for token in access_tokens_in(everything):
            yield from self._call_api(token, PROOF.findall(everything))

    def _send_again(self, text: str) -> Iterator[Attempt]:
        """Send the bytes of a request, as they are, and use the token that comes back."""
        server = TOKEN if text.startswith("POST /oauth/token") else API
        head, _, body = self._exchange(urlsplit(self._servers[server]), text.encode()).partition(b"\r\n\r\n")
        yield server, "the same bytes again", int(head.split()[1]), error_in(head.decode(), body.decode())
        for token in access_tokens_in(body.decode()):
            yield from self._call_api(token, [])

    def _exchange(self, server: Any, request: bytes) -> bytes:
        connection = socket.create_connection((server.hostname, server.port), timeout=10)
        if server.scheme == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.load_cert_chain(self._certificate)
            connection = context.wrap_socket(connection)
        with connection:
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def _ask_with_its_credential(self, text: str) -> Iterator[Attempt]:
        """Take the credential out of a token request, and ask for tokens with it."""
        form = {name: values[0] for name, values in parse_qs(text.partition("\r\n\r\n")[2]).items()}
        if "grant_type" in form:
            basic = BASIC.search(text)
            secret = tuple(b64decode(basic[1]).decode().split(":")) if basic else None
            yield from self._ask(form, secret, with_proof=bool(PROOF.search(text)))

    def _ask_as_the_client(self, settings: dict[str, Any]) -> Iterator[Attempt]:
        """Ask for tokens with the files of the client."""
        credential = self._loot["credential"]
        form = {"grant_type": "client_credentials", "audience": settings["audience"]}
        secret = None
        if "CERTIFICATE" in credential:
            form |= {"client_id": settings["client_id"]}
        elif "PRIVATE KEY" in credential:
            form |= client_assertion(settings["client_id"], settings["issuer"], credential, time.time())
        elif JWT.fullmatch(credential):
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": credential}
        else:
            secret = (settings["client_id"], credential)
        yield from self._ask(form, secret, with_proof=settings["dpop"])

    def _ask(self, form: Mapping[str, str], secret: Any, *, with_proof: bool) -> Iterator[Attempt]:
        """Ask for a token, with a proof of the thief's own key if the client sends proofs."""
        url = self._servers[TOKEN]
        proof = {"DPoP": self._key.proof("POST", url)} if with_proof else {}
        answer = self._session.post(url, form, auth=secret, headers=proof, timeout=10)
        yield TOKEN, "its credential, in a new request", answer.status_code, error_in("", answer.text)
        if answer.ok:
            token = answer.json()["access_token"]
            proof_for_api = self._proof(token) if with_proof else ""
            yield self._read("the new token", token, answer.json()["token_type"], proof_for_api)

    def _call_api(self, token: str, stolen_proofs: list[str]) -> Iterator[Attempt]:
        """Call the API with a stolen token, in every way."""
        yield self._read("the token, as Bearer", token, "Bearer", "")
        yield self._read("the token, with a proof by the thief's key", token, "DPoP", self._proof(token))
        for proof in stolen_proofs:
            yield self._read("the token, with the stolen proof", token, "DPoP", proof)

    def _proof(self, token: str) -> str:
        """Return a proof for the public address of the API, which the token names."""
        return self._key.proof("GET", f"{part_of(token, 1)['aud']}/timesheets", token)

    def _read(self, how: str, token: str, scheme: str, proof: str) -> Attempt:
        headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof} if proof else {})
        answer = self._session.get(f"{self._servers[API]}/timesheets", headers=headers, timeout=10)
        return API, how, answer.status_code, error_in(str(answer.headers), "")


def error_in(head: str, body: str) -> str:
    """Return the error of a refusal: of the challenge, or of the body."""
    named = re.search(r'error="(\w+)"', head) or re.search(r'"error": ?"(\w+)"', body)
    return named[1] if named else ""


def main() -> None:
    """Try everything twice, and print what was answered."""
    warnings.simplefilter("ignore")  # urllib3's about servers that are not verified
    with tempfile.TemporaryDirectory() as folder:
        thief = Thief(json.load(sys.stdin), Path(folder))
        json.dump([list(thief.attempts()) for _ in range(2)], sys.stdout)


if __name__ == "__main__":
    main()
