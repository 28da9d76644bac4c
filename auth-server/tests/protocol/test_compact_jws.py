"""A JWT that others sign is read strictly: whatever is not one raises ValueError and nothing else."""

import json
from base64 import urlsafe_b64encode

import pytest
from auth_server.protocol.compact_jws import read_jws
from hypothesis import given
from hypothesis import strategies as st


def part(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


OBJECT = part(b"{}")
NAN = part(b'{"exp": NaN}')


def test_reads_the_parts() -> None:
    header = part(b'{"alg": "ES256"}')
    claims = part(json.dumps({"jti": "\u00e9"}).encode())
    jws = read_jws(f"{header}.{claims}.{part(b'signature')}")
    assert (jws.header, jws.claims) == ({"alg": "ES256"}, {"jti": "\u00e9"})
    assert (jws.signing_input, jws.signature) == (f"{header}.{claims}".encode(), b"signature")


@pytest.mark.requirement("RFC 7523 3 valid", "RFC 7515 2 base64url", "RFC 7515 7.1 three parts")
@pytest.mark.parametrize(
    "compact",
    [
        "",
        "..",
        OBJECT,
        f"{OBJECT}.{OBJECT}",
        f"{OBJECT}.{OBJECT}.",
        f"{OBJECT}.{OBJECT}.{OBJECT}.{OBJECT}",
        f"{OBJECT}=.{OBJECT}.{OBJECT}",
        f" {OBJECT}.{OBJECT}.{OBJECT}",
        f"{OBJECT}.{OBJECT}.{OBJECT},{OBJECT}.{OBJECT}.{OBJECT}",
        f"A.{OBJECT}.{OBJECT}",
        f"{OBJECT}.{OBJECT}.QR",
        f"{OBJECT}.{OBJECT}.Q?A",
        f"{part(b'[]')}.{OBJECT}.{OBJECT}",
        f"{OBJECT}.{part(b'1')}.{OBJECT}",
        f"{OBJECT}.{part(b'{')}.{OBJECT}",
        f"{OBJECT}.{NAN}.{OBJECT}",
        f"{OBJECT}.{part('{}'.encode('utf-16'))}.{OBJECT}",
        f"{OBJECT}.{part(b'[' * 60000)}.{OBJECT}",
        "\ud800.\ud800.\ud800",
    ],
)
def test_refuses(compact: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of any message: only that it is one matters
        read_jws(compact)


@pytest.mark.fuzz
@given(st.text() | st.lists(st.binary().map(part), min_size=3, max_size=3).map(".".join))
def test_raises_nothing_else(compact: str) -> None:
    try:
        read_jws(compact)
    except ValueError:
        return
