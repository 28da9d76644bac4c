"""base64url and JSON, read strictly. Not here: what is refused (test_hostile_tokens.py)."""

from base64 import urlsafe_b64encode
from decimal import Decimal

from hypothesis import example, given
from hypothesis import strategies as st
from protected_api.resource_server.strict_formats import base64url, json_value


@given(st.binary())
@example(b"\x00\x00\x17")  # its text ends with a letter, which is no padding
def test_reads_the_canonical_text_of_any_bytes(data: bytes) -> None:
    assert base64url(urlsafe_b64encode(data).rstrip(b"=").decode()) == data


def test_reads_a_number_as_the_caller_asks() -> None:
    assert json_value(b"0.1", Decimal) == Decimal("0.1")
