"""The tokens of the gallery's platform: each but the first differs in one thing from a good one."""

from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml
from calling_service.oauth_client.private_key_jwt import public_jwk_set
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flow_explorer.gallery.case import Ask, gallery
from flow_explorer.gallery.platform_tokens import ISSUER, PLATFORM_TOKENS, SUBJECT, platform_token

TENANT = Path(__file__).parents[4] / "auth-server/tenant.yaml"
NOW = 1_800_000_000
GOOD = {"iss": ISSUER, "sub": SUBJECT, "aud": "https://as.example", "iat": NOW, "exp": NOW + 600}
KEY = Ed25519PrivateKey.generate()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("how", PLATFORM_TOKENS)
def test_a_token_is_signed_and_differs_in_what_its_name_says(how: str) -> None:
    form = platform_token(PEM, "https://as.example", NOW + 0.5, PLATFORM_TOKENS[how])
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    (public,) = public_jwk_set(PEM)["keys"]
    key = jwt.PyJWK(public)
    options: Any = dict.fromkeys(("verify_exp", "verify_iat", "verify_aud"), False)
    claims = jwt.decode(form["client_assertion"], key, ["EdDSA"], options=options)
    changed = {name for name in GOOD if claims[name] != GOOD[name]}
    assert changed == PLATFORM_TOKENS[how].keys()
    assert jwt.get_unverified_header(form["client_assertion"])["kid"] == public["kid"]


def test_a_case_plays_each_of_them() -> None:
    asked = {step.how for case in gallery().values() for step in case.steps if isinstance(step, Ask)}
    assert PLATFORM_TOKENS.keys() <= asked


def test_the_tenant_declares_this_platform() -> None:
    clients = yaml.safe_load(TENANT.read_text())["clients"]
    (federated,) = [client["federated"] for client in clients if client["client_id"] == "gallery-federated"]
    assert (federated["issuer"], federated["subject"]) == (ISSUER, SUBJECT)
