"""Each proof of the gallery is right in all but the one thing that its case changes."""

import base64
import hashlib
from typing import Any

import jwt
import pytest
from flow_explorer.gallery.proofs import Proofs

NOW = 1_800_000_000
URL = "http://localhost:9001/timesheets"
DIGEST = base64.urlsafe_b64encode(hashlib.sha256(b"token").digest()).rstrip(b"=").decode()


def claims(proof: str) -> dict[str, Any]:
    return jwt.decode(proof, options={"verify_signature": False})


def key(proof: str) -> str:
    member: str = jwt.get_unverified_header(proof)["jwk"]["x"]
    return member


@pytest.fixture
def proofs() -> Proofs:
    return Proofs(lambda: NOW)


@pytest.mark.parametrize(
    ("how", "changed"),
    [
        ("a proof", {}),
        ("a proof by another key", {}),
        ("a proof for another method", {"htm": "DELETE"}),
        ("a proof for another URL", {"htu": f"{URL}/1"}),
        ("a proof for another token", {"ath": None}),
        ("an old proof", {"iat": NOW - 3600}),
    ],
)
def test_a_proof_is_right_in_all_but_one_thing(proofs: Proofs, how: str, changed: dict[str, Any]) -> None:
    bound_to = key(proofs.of_token_request("http://localhost:9000/oauth/token")["DPoP"])
    headers = proofs.headers(f"with the token and {how}", "GET", URL, "token")
    assert headers["Authorization"] == "DPoP token"
    said = claims(headers["DPoP"])
    assert said.pop("jti")
    right = {"htm": "GET", "htu": URL, "ath": DIGEST, "iat": NOW}
    assert {name for name in right if said[name] != right[name]} == changed.keys()
    assert {name: said[name] for name, value in changed.items() if value} == {
        k: v for k, v in changed.items() if v
    }
    assert (key(headers["DPoP"]) == bound_to) == ("another key" not in how)


def test_the_same_proof_again(proofs: Proofs) -> None:
    first = proofs.headers("with the token and a proof", "GET", URL, "token")
    assert proofs.headers("with the token and the same proof again", "GET", URL, "token") == first


def test_no_proof(proofs: Proofs) -> None:
    headers = proofs.headers("with the token and no proof", "GET", URL, "token")
    assert headers == {"Authorization": "DPoP token"}


def test_no_other_way(proofs: Proofs) -> None:
    with pytest.raises(LookupError):
        proofs.headers("with the token and a prayer", "GET", URL, "token")
