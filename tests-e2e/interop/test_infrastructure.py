"""The programs that CI runs check what docs/infrastructure.md says, and the gate serves them."""

from collections.abc import Iterator

import pytest
import requests

from interop.infrastructure_measures import Place, columns
from interop.our_issuer import odd_tokens
from interop.rows import Row, read_measured, read_rows
from interop.sides.infrastructure import Site, running, site

pytestmark = pytest.mark.interop
ROWS = {row.name: row for row in read_rows("infrastructure")}
CADDY = ROWS["Caddy with a gate"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start a stack for all rows."""
    with site(tmp_path_factory.mktemp("interop")) as started:
        yield started


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS.values() if row.ci])
def test_it_checks_what_the_table_says(row: Row, shared: Site) -> None:
    expected = read_measured("infrastructure")[row.name]
    with running(row, shared) as place:
        seen = columns(row, place, shared.issuer)
    assert seen == {name: value for name, value in expected.items() if name in seen}


@pytest.fixture
def caddy(shared: Site) -> Iterator[Place]:
    """Start Caddy with the gate."""
    with running(CADDY, shared) as place:
        yield place


def get(place: Place, token: str, **headers: str) -> requests.Response:
    headers["Authorization"] = f"Bearer {token}"
    return requests.get(f"{place.url}/timesheets", headers=headers, timeout=10)


def test_the_gates_refusals_reach_the_caller_unchanged(caddy: Place, shared: Site) -> None:
    audience = get(caddy, shared.issuer.token(odd_tokens()["another `aud`"]))
    assert (audience.status_code, audience.json()["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in audience.headers["WWW-Authenticate"]
    scope = get(caddy, shared.issuer.token(odd_tokens()["another scope"]))
    assert (scope.status_code, scope.json()["error"]) == (403, "insufficient_scope")
    assert 'scope="read:timesheets"' in scope.headers["WWW-Authenticate"]
    malformed = get(caddy, "two tokens")
    assert (malformed.status_code, malformed.json()["error"]) == (400, "invalid_request")


def test_the_api_learns_who_calls_from_the_gate_alone(caddy: Place, shared: Site) -> None:
    assert get(caddy, shared.issuer.token(), **{"X-Client-Id": "somebody-else"}).ok
    request = shared.api.of("api")[-1]
    assert request.headers.get_all("X-Client-Id") == ["timesheets-import-job"]
    assert request.authorization.startswith("Bearer ")
