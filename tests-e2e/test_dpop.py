"""`OVERLAY=dpop make up`: the job proves with each request that it has its token's key, and a thief cannot.

Not here: clients from elsewhere (interop/test_bound_tokens.py).
"""

import tomllib
from collections.abc import Callable, Iterator

import pytest
import requests
from bound_stack import start_bound_stack
from calling_service.oauth_client.dpop import DpopKey
from live_stack import CHECKOUT, Stack
from tls_stack import TlsStack

pytestmark = pytest.mark.long
FILE = CHECKOUT / "calling-service/flow_explorer/gallery/cases.toml"
CASES = [
    name for name, case in tomllib.loads(FILE.read_text())["case"].items() if case.get("overlay") == "dpop"
]


@pytest.fixture(scope="module")
def stack(new_stack: Callable[[], Stack]) -> Iterator[Stack]:
    """Return a running stack whose tokens are bound."""
    stack = start_bound_stack(new_stack(), nonces=False)
    with pytest.MonkeyPatch.context() as monkeypatch:
        if isinstance(stack, TlsStack):
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", stack.ca)
        yield stack
    stack.drop()


@pytest.fixture(scope="module")
def key() -> DpopKey:
    """Return the key of the test's own client."""
    return DpopKey()


@pytest.fixture
def bound(stack: Stack, key: DpopKey) -> str:
    """Return a token that is bound to the key."""
    url = f"{stack.issuer}/oauth/token"
    form = {"grant_type": "client_credentials", "audience": stack.timesheets_api}
    credentials = ("payroll-report", stack.secret("payroll-report"))
    proof = key.proof("POST", url)
    answer = requests.post(url, form, auth=credentials, headers={"DPoP": proof}, timeout=10).json()
    assert answer["token_type"] == "DPoP"
    stack.tokens.append(answer["access_token"])
    return str(answer["access_token"])


def read(stack: Stack, headers: dict[str, str], query: str = "") -> requests.Response:
    return requests.get(f"{stack.timesheets_api}/timesheets{query}", headers=headers, timeout=10)


def test_the_import_runs_with_a_proof_for_each_request(stack: Stack) -> None:
    shown = stack.first_output
    assert "234 booked" in shown
    assert '"token_type":"DPoP"' in shown.replace(" ", "")
    assert "The DPoP proof, decoded:" in shown
    assert f" {stack.issuer}/oauth/token\n" in shown
    assert f" {stack.timesheets_api}/timesheets/upload\n" in shown
    run = stack.run_import(resend=True, fresh_token=True)
    assert run["state"] == "completed"


@pytest.mark.requirement("RFC 9700 4.10.1 misuse")
@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
def test_a_stolen_token_is_worth_nothing(stack: Stack, bound: str, scheme: str) -> None:
    assert read(stack, {"Authorization": f"{scheme} {bound}"}).status_code == 401


@pytest.mark.requirement("RFC 9700 4.10.1 misuse")
def test_a_stolen_request_is_worth_nothing(stack: Stack, bound: str, key: DpopKey) -> None:
    proof = key.proof("GET", f"{stack.timesheets_api}/timesheets", bound)
    headers = {"Authorization": f"DPoP {bound}", "DPoP": proof}
    assert read(stack, headers).status_code == 200
    for query in ("", "?user_id=C-1042"):
        stolen = read(stack, headers, query)
        assert stolen.json()["error_description"] == "The DPoP proof was used before."


def test_the_page_reads_timesheets_with_a_bound_token(stack: Stack) -> None:
    page = requests.get(stack.url["calling-service"], timeout=10)
    assert "could not be read" not in page.text


def test_the_page_shows_the_proof(stack: Stack) -> None:
    run = stack.run_import(resend=True, fresh_token=True)
    page = requests.get(f"{stack.url['calling-service']}/flow/{run['id']}", timeout=10)
    assert "The proof, decoded" in page.text
    assert "dpop+jwt" in page.text


def test_the_cases_of_the_gallery_are_answered_as_expected(stack: Stack) -> None:
    answered = {case_id: stack.play(case_id)["case"]["as_expected"] for case_id in CASES}
    assert answered == dict.fromkeys(CASES, True)


def test_a_client_without_a_proof_gets_a_bearer_token(stack: Stack) -> None:
    assert stack.api("GET", "/timesheets", stack.token("payroll-report")).status_code == 200


def test_no_log_has_a_proof_or_a_token(stack: Stack, bound: str, key: DpopKey) -> None:
    proof = key.proof("GET", f"{stack.timesheets_api}/timesheets", bound)
    read(stack, {"Authorization": f"DPoP {bound}", "DPoP": proof})
    for service in stack.url:
        assert "eyJ" not in stack.logs(service)
