"""A tenant file with any change is read or refused with sentences, in bounded time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auth_server.tenant.reading import read_tenant
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SAMPLE = (Path(__file__).parents[2] / "tenant.yaml").read_text()
pytestmark = pytest.mark.fuzz
fuzzed = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def assert_read(folder: Path, content: bytes) -> None:
    file = folder / "tenant.yaml"
    file.write_bytes(content)
    tenant = read_tenant(file, variables={"A": "1"})
    assert all(problem.strip() for problem in tenant.problems)
    declared = {client["client_id"] for client in tenant.clients}
    if not tenant.problems:
        assert {grant["client"] for grant in tenant.grants} <= declared


@fuzzed
@given(data=st.data())
def test_the_sample_with_a_change_is_read_or_refused(
    tmp_path: Path, change: Callable[[Any, str], str], data: st.DataObject
) -> None:
    assert_read(tmp_path, change(data, SAMPLE).encode(errors="surrogatepass"))


@fuzzed
@given(content=st.binary(max_size=200) | st.text("-:[]{}&*!|>'\"%@`#,?\n aA0$~").map(str.encode))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    assert_read(tmp_path, content)
