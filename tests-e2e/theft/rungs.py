"""The clients of the rungs: what each has on its disk, and how the operator replaces it.

A rung is an entry of RUNGS.
"""

import hashlib
import json
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from calling_service.oauth_client.bearer_auth import BearerAuth
from calling_service.oauth_client.dpop import DpopKey
from calling_service.oauth_client.dpop_auth import DpopAuth
from calling_service.oauth_client.private_key_jwt import PrivateKeyTokenSource, public_jwk_set
from calling_service.oauth_client.tls_client_certificate import CertificateTokenSource
from calling_service.oauth_client.token_source import TokenSource
from calling_service.oauth_client.workload_identity import FederatedTokenSource
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flow_explorer.gallery.platform_tokens import platform_token
from live_stack import Stack

from theft.door import der_of, self_signed
from theft.thief import API, TOKEN

LIFETIME = 20  # seconds, of access tokens and of the platform's tokens
SERVER_SKEW = 60  # seconds that the authorization server allows to the platform's clock
PLATFORM = "https://cluster.exampleco.example"
SUBJECT = "system:serviceaccount:timesheets:theft"
SCOPE = "read:timesheets"


def secret() -> tuple[str, str]:
    """Return a new secret and its digest."""
    value = secrets.token_urlsafe(32)
    return value, hashlib.sha256(value.encode()).hexdigest()


def private_key() -> tuple[str, str]:
    """Return a new private key and its JWK Set."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode(), json.dumps(public_jwk_set(pem.decode()))


def certificate() -> tuple[str, str]:
    """Return a new self-signed certificate with its key, and its JWK Set (RFC 8705 2.2.2)."""
    pem = self_signed("theft-4")
    (public,) = public_jwk_set(pem[pem.index("-----BEGIN PRIVATE") :])["keys"]
    return pem, json.dumps({"keys": [public | {"x5c": [b64encode(der_of(pem)).decode()]}]})


def as_it_is(credential: str, _issuer: str) -> str:
    """Return what the client has on its disk where it has the credential itself."""
    return credential


def platform_writes(key: str, issuer: str) -> str:
    """Return a new token of the platform with this key.

    The platform's clock is late by what the server allows, so that the token is refused once it expires.
    """
    claims = {"iss": PLATFORM, "sub": SUBJECT, "exp": LIFETIME}
    return platform_token(key, issuer, time.time() - SERVER_SKEW, claims)["client_assertion"]


@dataclass(frozen=True, slots=True)
class Rung:
    """A rung: its title, what its client has, how the tenant declares it, and how the client uses it."""

    client_id: str  # also the name of its file at the authorization server
    title: str
    credential: str
    new_pair: Callable[[], tuple[str, str]]  # the credential, and what the server gets
    declared_as: Mapping[str, Any]
    source: type[TokenSource] = TokenSource
    on_disk: Callable[[str, str], str] = as_it_is
    dpop: bool = False

    @property
    def mtls(self) -> bool:
        """Return whether the client presents a certificate."""
        return self.source is CertificateTokenSource

    def disk(self, stack: Stack) -> Path:
        """Return the folder that is the disk of the client."""
        return stack.folder / f"disk-of-{self.client_id}"

    def equip(self, stack: Stack) -> str:
        """Return a new credential, which the server takes in the place of the client's old one."""
        credential, registered = self.new_pair()
        (stack.folder / ".secrets/auth-server" / self.client_id).write_text(registered)
        return credential

    def write(self, stack: Stack, credential: str) -> None:
        """Write to the disk what the client needs."""
        settings: dict[str, Any] = {"client_id": self.client_id, "issuer": stack.issuer}
        settings |= {"audience": stack.timesheets_api, "dpop": self.dpop}
        self.disk(stack).mkdir()
        (self.disk(stack) / "settings.json").write_text(json.dumps(settings))
        (self.disk(stack) / "credential").write_text(self.on_disk(credential, stack.issuer))

    def read(self, stack: Stack, session: requests.Session, servers: Mapping[str, str]) -> None:
        """Do what the client does: get a token and read timesheets, with a new key on rung 5."""
        source = self.source(
            issuer=stack.issuer,
            client_id=self.client_id,
            secret_file=self.disk(stack) / "credential",
            token_url=servers[TOKEN],
            session=session,
            dpop=DpopKey() if self.dpop else None,
        )
        auth = DpopAuth if self.dpop else BearerAuth
        api = servers[API]
        presenting = auth(source, api_url=api, audience=stack.timesheets_api, scopes=[SCOPE])
        session.get(f"{api}/timesheets", auth=presenting, timeout=10)


BOUND = {"dpop_bound_access_tokens": True}
RUNGS = [
    Rung("theft-1", "1 a secret", "secret", secret, {"secret_digest_files": ["theft-1"]}),
    Rung("theft-2", "2 a private key", "key", private_key, {"jwks_file": "theft-2"}, PrivateKeyTokenSource),
    Rung(
        "theft-3",
        "3 workload identity",
        "platform's token",
        private_key,
        {"federated": {"issuer": PLATFORM, "subject": SUBJECT, "jwks_file": "theft-3"}},
        FederatedTokenSource,
        platform_writes,
    ),
    Rung(
        "theft-4",
        "4 mutual TLS",
        "certificate",
        certificate,
        {"self_signed_tls_client_auth": {"jwks_file": "theft-4"}},
        CertificateTokenSource,
    ),
    Rung(
        "theft-5-1",
        "5 DPoP, with a secret",
        "secret",
        secret,
        {"secret_digest_files": ["theft-5-1"], **BOUND},
        dpop=True,
    ),
    Rung(
        "theft-5-2",
        "5 DPoP, with a private key",
        "key",
        private_key,
        {"jwks_file": "theft-5-2", **BOUND},
        PrivateKeyTokenSource,
        dpop=True,
    ),
]


def tenant(stack: Stack) -> str:
    """Return the tenant file that declares the clients and what they may ask for."""
    clients = [{"client_id": rung.client_id, "name": rung.title, **rung.declared_as} for rung in RUNGS]
    may = {"audience": stack.timesheets_api, "scopes": [SCOPE], "token_lifetime": LIFETIME}
    grants = [{"client": rung.client_id, **may} for rung in RUNGS]
    return yaml.safe_dump({"apis": [], "clients": clients, "grants": grants})
