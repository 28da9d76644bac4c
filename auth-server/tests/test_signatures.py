"""Our signatures are those of RFC 7518 and RFC 8037: joserfc verifies them, and we verify joserfc's."""

import pytest
from auth_server.algorithms import SIGNING_ALGS, generate_key
from auth_server.signatures import is_signed, signer
from joserfc import jwk
from joserfc.jws import JWSRegistry

MESSAGE = b"header.payload"


@pytest.mark.requirement("RFC 7515 5.1 signing")
@pytest.mark.parametrize("alg", SIGNING_ALGS)
def test_signs_and_verifies_as_joserfc_does(alg: str) -> None:
    key = generate_key(alg)
    public = jwk.import_key(key.as_dict(private=False))
    assert JWSRegistry.algorithms[alg].verify(MESSAGE, signer(key)(MESSAGE), public)
    assert is_signed(MESSAGE, JWSRegistry.algorithms[alg].sign(MESSAGE, key), public)


@pytest.mark.requirement("RFC 7515 5.2 signature", "RFC 7518 3.4 ES256", "RFC 8725 3.3 all operations")
@pytest.mark.parametrize("alg", SIGNING_ALGS)
def test_refuses_every_other_signature(alg: str) -> None:
    key = generate_key(alg)
    good = signer(key)(MESSAGE)
    changed = bytes([good[0] ^ 1]) + good[1:]
    others = [b"", changed, good + b"\0", good[:-1], bytes(len(good)), b"\xff" * len(good)]
    others += [signer(generate_key(alg))(MESSAGE), signer(key)(b"another message")]
    assert not any(is_signed(MESSAGE, other, key) for other in others)


def test_a_key_of_another_kind_signs_and_verifies_nothing() -> None:
    key = jwk.generate_key("OKP", "X25519")
    assert not is_signed(MESSAGE, b"", key)
    with pytest.raises(TypeError):
        signer(key)(MESSAGE)
