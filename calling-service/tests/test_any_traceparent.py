"""Any traceparent is taken over or replaced by one that is valid (Trace Context 3.2)."""

import re

import pytest
from calling_service.logs import trace_id_of
from hypothesis import given
from hypothesis import strategies as st

NEARLY = st.from_regex(r"[0-9a-fA-F]{2}-[0-9a-f]{30,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}(-.*)?")


@pytest.mark.fuzz
@given(NEARLY | st.text())
def test_any_traceparent_is_a_trace_id_or_replaced_by_one(header: str) -> None:
    trace_id = trace_id_of(header)
    assert re.fullmatch("[0-9a-f]{32}", trace_id)
    assert trace_id != "0" * 32
    if trace_id in header:
        assert re.fullmatch(
            f"(?!ff)[0-9a-f]{{2}}-{trace_id}-(?!0{{16}})[0-9a-f]{{16}}-[0-9a-f]{{2}}(-.*)?", header, re.DOTALL
        )
