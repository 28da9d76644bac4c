"""A client without a credential of its own: the token that its platform renews is its client assertion."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from calling_service.oauth_client.dpop import DpopKey
from calling_service.oauth_client.token_source import TokenError
from calling_service.oauth_client.workload_identity import FederatedTokenSource
from calling_service.service import build
from calling_service.settings import Settings
from recording.redaction import CUT

TOKENS = [f"eyJhbGciOiJub25lIn0.eyJzdWIiOiJqb2ItNy1{number}IifQ.c2ln" for number in "abc"]
BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"


class Kubelet:
    """Writes files as a kubelet does: each version into a new folder, which a link then names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = folder / "token"
        self.token.symlink_to("..data/token")
        self.version = 0

    def write(self, content: str) -> None:
        """Replace the file as a whole."""
        self.version += 1
        version = self.folder / f"..version-{self.version}"
        version.mkdir()
        (version / "token").write_text(content)
        new = self.folder / "..data_tmp"
        new.symlink_to(version.name)
        new.replace(self.folder / "..data")


@pytest.fixture
def kubelet(tmp_path: Path) -> Kubelet:
    folder = tmp_path / "tokens"
    folder.mkdir()
    kubelet = Kubelet(folder)
    kubelet.write(TOKENS[0])
    return kubelet


@pytest.fixture
def new_source(endpoint: Any, kubelet: Kubelet, clock: Any) -> Iterator[Callable[..., FederatedTokenSource]]:
    with requests.Session() as session:

        def made(**options: Any) -> FederatedTokenSource:
            return FederatedTokenSource(
                issuer="https://as.example",
                client_id="job",
                secret_file=kubelet.token,
                token_url=endpoint.url,
                session=session,
                clock=clock,
                **options,
            )

        yield made


@pytest.mark.parametrize(("options", "sent"), [({}, BEARER), ({"assertion_type": "jwt-spiffe"}, SPIFFE)])
def test_sends_the_platforms_token_and_nothing_else(
    new_source: Callable[..., FederatedTokenSource], endpoint: Any, options: dict[str, str], sent: str
) -> None:
    new_source(**options).get("https://api.example", ["a"])
    (request,) = endpoint.requests
    assert request.form.to_dict() == {
        "grant_type": "client_credentials",
        "audience": "https://api.example",
        "scope": "a",
        "client_id": "job",
        "client_assertion_type": sent,
        "client_assertion": TOKENS[0],
    }
    assert "Authorization" not in request.headers


def test_reads_the_file_at_each_token_call(
    new_source: Callable[..., FederatedTokenSource], endpoint: Any, kubelet: Kubelet
) -> None:
    source = new_source()
    for token in TOKENS:
        kubelet.write(token)
        source.drop(source.get("https://api.example", ["a"]))
    assert [request.form["client_assertion"] for request in endpoint.requests] == TOKENS


def test_a_renewed_token_counts_at_once_after_a_refusal(
    new_source: Callable[..., FederatedTokenSource], endpoint: Any, kubelet: Kubelet
) -> None:
    """A refused credential is not sent again and again; another one is."""
    source = new_source()
    endpoint.answers.append(endpoint.error(401, "invalid_client"))
    for _ in range(3):
        with pytest.raises(TokenError, match="invalid_client"):
            source.get("https://api.example", ["a"])
    assert endpoint.calls == 1
    kubelet.write(TOKENS[1])
    source.get("https://api.example", ["a"])
    assert endpoint.calls == 2


@pytest.mark.parametrize("content", ["a-secret", "eyJ.eyJ", "eyJ.eyJ.c2ln\neyJ.eyJ.c2ln", "eyJ.eyJ.ü"])
def test_sends_nothing_that_is_no_token(
    new_source: Callable[..., FederatedTokenSource], endpoint: Any, kubelet: Kubelet, content: str
) -> None:
    kubelet.write(content)
    with pytest.raises(TokenError, match="holds no JWT") as raised:
        new_source().get("https://api.example", ["a"])
    assert raised.value.error == "no_credential"
    assert content not in str(raised.value)
    assert endpoint.calls == 0


def test_the_job_uses_it_by_settings_alone_and_keeps_no_token(
    environ: dict[str, str], endpoint: Any, kubelet: Kubelet
) -> None:
    del environ["CLIENT_SECRET_FILE"]
    environ |= {"CLIENT_ASSERTION_FILE": str(kubelet.token), "CLIENT_ASSERTION_TYPE": "jwt-spiffe"}
    service = build(Settings.from_environ(environ))
    (service.settings.inbox / "a.csv").write_text(
        "Date,Project,Notes,Hours,Employee Id,entry_id\n2026-11-09,P,,1.00,C-1,1\n"
    )
    service.runner.start("web")
    for thread in threading.enumerate():
        if thread.name == "run":
            thread.join(10)
    run = service.history.recent()[0]
    stored = service.history.find(run.id)
    service.close()
    form = endpoint.requests[0].form
    assert (form["client_assertion_type"], form["client_assertion"]) == (SPIFFE, TOKENS[0])
    assert run.report.booked == 1
    assert stored
    assert CUT in str(stored.exchanges[0])
    assert TOKENS[0] not in str(stored.exchanges)


def test_the_token_can_be_bound_to_a_key_as_with_any_other_credential(
    new_source: Callable[..., FederatedTokenSource], endpoint: Any
) -> None:
    endpoint.answers.append(endpoint.token(token_type="DPoP"))
    new_source(dpop=DpopKey()).get("https://api.example", ["a"])
    (request,) = endpoint.requests
    assert request.form["client_assertion"] == TOKENS[0]
    assert request.headers["DPoP"].startswith("eyJ")
