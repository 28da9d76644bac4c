"""DPoP at the client (RFC 9449): a fresh proof for each try, and one more try for a nonce."""

import base64
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import jwt
import pytest
import requests
from calling_service.oauth_client.dpop import DpopKey
from calling_service.oauth_client.dpop_auth import DpopAuth, FreshProofs
from calling_service.oauth_client.private_key_jwt import PrivateKeyTokenSource
from calling_service.oauth_client.refused_tokens import YOUNG
from calling_service.oauth_client.retry import BoundedRetry, retry_policy
from calling_service.oauth_client.token_source import TokenError, TokenSource
from calling_service.service import build
from calling_service.settings import Settings
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwk
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPResponse, Retry
from werkzeug.wrappers import Request, Response

AUDIENCE = "https://api.example"
SCOPES = ("a",)
NONCE = 'DPoP realm="a", error="use_dpop_nonce", algs="ES256"'
INVALID = 'Bearer realm="a", DPoP error="invalid_token", algs="ES256"'
Make = Callable[..., TokenSource]


class Bound:
    """A token endpoint that answers with tokens of a type; it `demands` a nonce of proofs, if one is set."""

    token_type = "DPoP"
    demands = ""

    def __init__(self, endpoint: Any) -> None:
        self.endpoint = endpoint

    def __call__(self, request: Request) -> Response:
        """Answer a call."""
        if self.demands and proof_of(request)["nonce"] != self.demands:
            self.endpoint.requests.append(request)
            answer: Response = self.endpoint.error(400, "use_dpop_nonce", DPoP_Nonce=self.demands)
            return answer
        response: Response = self.endpoint(request)
        if response.status_code != 200:
            return response
        body = json.loads(response.get_data())
        body["token_type"] = self.token_type
        response.set_data(json.dumps(body))
        return response


def proof_of(request: Request) -> dict[str, Any]:
    """Return the claims of the request's proof, after its signature has been checked; `jwk` is the key."""
    sent = request.headers["DPoP"]
    header = jwt.get_unverified_header(sent)
    assert (header["typ"], header["alg"], set(header["jwk"])) == (
        "dpop+jwt",
        "ES256",
        {"kty", "crv", "x", "y"},
    )
    claims = jwt.decode(sent, jwt.PyJWK(header["jwk"] | {"alg": "ES256"}), ["ES256"])
    return {"nonce": "", "jwk": header["jwk"]} | claims


@pytest.fixture
def bound(endpoint: Any, serve: Any) -> Bound:
    bound = Bound(endpoint)
    endpoint.url = serve(bound) + "/oauth/token?x=1"
    return bound


@pytest.fixture
def make_source(bound: Bound, secret_file: Path, clock: Any) -> Iterator[Make]:
    """Return a function that makes a source with a key, of a kind."""
    with requests.Session() as session:

        def make(kind: type[TokenSource] = TokenSource, **options: Any) -> TokenSource:
            given: Any = {"secret_file": secret_file, "dpop": DpopKey(), "session": session} | options
            common: Any = {"issuer": "i", "client_id": "c", "token_url": bound.endpoint.url, "clock": clock}
            return kind(**common, wall_clock=clock, **given)

        yield make


@pytest.fixture
def source(make_source: Make) -> TokenSource:
    return make_source()


@pytest.fixture
def session(api: Any, source: TokenSource) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = DpopAuth(source, api_url=api.url, audience=AUDIENCE, scopes=SCOPES)
        yield session


@pytest.mark.requirement("RFC 9449 4.2 proof")
def test_a_token_request_has_a_proof_for_its_url_without_the_query(source: TokenSource, bound: Bound) -> None:
    source.get(AUDIENCE, SCOPES)
    [request] = bound.endpoint.requests
    proof = proof_of(request)
    assert (proof["htm"], proof["htu"]) == ("POST", bound.endpoint.url.removesuffix("?x=1"))
    assert "ath" not in proof


@pytest.mark.requirement("RFC 9449 4.2 proof", "RFC 9449 7.1 scheme")
def test_each_request_to_the_api_has_a_proof_of_its_own_for_its_token(
    session: requests.Session, api: Any, bound: Bound
) -> None:
    for _ in range(2):
        assert session.get(f"{api.url}/timesheets?user_id=ada").status_code == 200
    proofs = [proof_of(request) for request in api.requests]
    assert bound.endpoint.calls == len(set(api.tokens)) == 1
    assert len({proof["jti"] for proof in proofs}) == 2
    scheme, _, token = api.tokens[0].partition(" ")
    digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    assert scheme == "DPoP"
    assert [(p["htm"], p["htu"], p["ath"]) for p in proofs] == [("GET", f"{api.url}/timesheets", digest)] * 2
    assert proofs[0]["jwk"] == proof_of(bound.endpoint.requests[0])["jwk"]


def test_two_processes_have_two_keys() -> None:
    proofs = [DpopKey().proof("GET", AUDIENCE) for _ in range(2)]
    keys = [jwk.import_key(jwt.get_unverified_header(proof)["jwk"]) for proof in proofs]
    assert keys[0].thumbprint() != keys[1].thumbprint()


@pytest.mark.requirement("RFC 9449 5 other type")
def test_a_bearer_token_is_not_what_was_asked_for(source: TokenSource, bound: Bound) -> None:
    """RFC 9449 5: a client discards it, since nothing protects it."""
    bound.token_type = "Bearer"
    with pytest.raises(TokenError, match="token_type is not DPoP"):
        source.get(AUDIENCE, SCOPES)


def test_a_bound_token_is_no_bearer_token(make_source: Make) -> None:
    with pytest.raises(TokenError, match="token_type is not Bearer"):
        make_source(dpop=None).get(AUDIENCE, SCOPES)


@pytest.mark.requirement("RFC 9449 8 client", "RFC 9449 8.2 new nonce")
def test_a_nonce_of_the_token_endpoint_is_used_at_once_and_from_then_on(
    source: TokenSource, bound: Bound
) -> None:
    bound.demands = "first"
    source.get(AUDIENCE, SCOPES)
    bound.demands = "second"
    source.get(AUDIENCE, ("b",))
    source.get(AUDIENCE, ("c",))
    nonces = [proof_of(request)["nonce"] for request in bound.endpoint.requests]
    assert nonces == ["", "first", "first", "second", "second"]


def test_a_second_demand_for_a_nonce_is_an_error(source: TokenSource, bound: Bound) -> None:
    refuse = bound.endpoint.error(400, "use_dpop_nonce", DPoP_Nonce="another")
    bound.endpoint.answers = [refuse, refuse]
    with pytest.raises(TokenError, match="use_dpop_nonce"):
        source.get(AUDIENCE, SCOPES)
    assert bound.endpoint.calls == 2


def test_without_a_key_a_demand_for_a_nonce_is_an_error(make_source: Make, bound: Bound) -> None:
    bound.endpoint.answers = [bound.endpoint.error(400, "use_dpop_nonce", DPoP_Nonce="another")]
    with pytest.raises(TokenError, match="use_dpop_nonce"):
        make_source(dpop=None).get(AUDIENCE, SCOPES)
    assert bound.endpoint.calls == 1


def test_the_try_with_a_nonce_has_a_client_assertion_of_its_own(
    make_source: Make, bound: Bound, tmp_path: Path
) -> None:
    """A server accepts an assertion once."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "key.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    bound.demands = "first"
    make_source(PrivateKeyTokenSource, secret_file=file).get(AUDIENCE, SCOPES)
    first, second = (request.form["client_assertion"] for request in bound.endpoint.requests)
    assert first != second


@pytest.mark.requirement("RFC 9449 9 API's nonce")
@pytest.mark.parametrize("body", [b"raw", "text", io.BytesIO(b"file"), None])
def test_a_nonce_of_the_api_is_used_at_once(
    session: requests.Session, api: Any, bound: Bound, body: Any
) -> None:
    demand = api.refusal(401, NONCE)
    demand.headers["DPoP-Nonce"] = "n"
    api.answers = [demand, Response("fine")]
    response = session.post(api.url, data=body)
    assert (response.status_code, response.text) == (200, "fine")
    first, second = api.requests
    assert (proof_of(first)["nonce"], proof_of(second)["nonce"]) == ("", "n")
    assert proof_of(first)["jti"] != proof_of(second)["jti"]
    assert first.get_data() == second.get_data()
    assert bound.endpoint.calls == 1


def test_a_second_demand_of_the_api_is_the_callers(session: requests.Session, api: Any) -> None:
    api.answers = [api.refusal(401, NONCE), api.refusal(401, NONCE)]
    assert session.get(api.url).status_code == 401
    assert len(api.requests) == 2


def test_a_refused_token_is_renewed_and_sent_with_a_new_proof(
    session: requests.Session, source: TokenSource, api: Any, clock: Any
) -> None:
    source.get(AUDIENCE, SCOPES)
    clock.now += YOUNG
    api.answers = [api.refusal(401, INVALID), Response("fine")]
    assert session.get(api.url).status_code == 200
    assert len(set(api.tokens)) == 2
    assert len({proof_of(request)["ath"] for request in api.requests}) == 2


def test_a_young_token_that_is_refused_after_a_demand_for_a_nonce_is_kept(
    session: requests.Session, source: TokenSource, api: Any
) -> None:
    """The first 401 was no refusal of the token."""
    token = source.get(AUDIENCE, SCOPES)
    api.answers = [api.refusal(401, NONCE), api.refusal(401, INVALID)]
    assert session.get(api.url).status_code == 401
    assert source.peek(AUDIENCE, SCOPES) is token


def test_a_young_token_is_renewed_when_it_is_refused_for_the_second_time(
    session: requests.Session, api: Any, bound: Bound
) -> None:
    api.answers = [api.refusal(401, INVALID), api.refusal(401, INVALID)]
    assert [session.get(api.url).status_code for _ in range(2)] == [401, 200]
    assert (len(set(api.tokens)), bound.endpoint.calls) == (2, 2)


def test_the_request_with_another_token_has_the_options_of_the_first(
    session: requests.Session, source: TokenSource, api: Any, clock: Any
) -> None:
    timeouts: list[Any] = []

    class Recording(HTTPAdapter):
        def send(self, *args: Any, **options: Any) -> requests.Response:
            timeouts.append(options.get("timeout"))
            return super().send(*args, **options)

    session.mount("http://", Recording())
    source.get(AUDIENCE, SCOPES)
    clock.now += YOUNG
    api.answers = [api.refusal(401, INVALID)]
    assert session.get(api.url, timeout=(5, 10)).status_code == 200
    assert timeouts == [(5, 10)] * 2


def test_the_token_does_not_go_to_another_host(session: requests.Session, api: Any, serve: Any) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response("")

    api.answers = [Response("", 302, {"Location": serve(answer)})]
    session.get(api.url)
    assert "Authorization" not in seen[0].headers


def test_a_source_without_a_key_is_refused(make_source: Make, api: Any) -> None:
    with pytest.raises(ValueError, match=r"^the token source has no dpop key; give it one$"):
        DpopAuth(make_source(dpop=None), api_url=api.url, audience=AUDIENCE, scopes=SCOPES)


@pytest.fixture
def retrying(session: requests.Session, source: TokenSource) -> requests.Session:
    assert source.dpop
    session.mount("http://", FreshProofs(HTTPAdapter(), source.dpop, retry_policy(2)))
    return session


@pytest.mark.requirement("RFC 9449 4.2 new jti")
def test_each_try_has_a_proof_of_its_own(retrying: requests.Session, api: Any) -> None:
    api.answers = [Response("", 503), Response("", 429, {"Retry-After": "0"}), Response("fine")]
    assert retrying.post(api.url, data=b"raw").text == "fine"
    assert len({proof_of(request)["jti"] for request in api.requests}) == 3
    assert {request.get_data() for request in api.requests} == {b"raw"}


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "3600"}])
def test_the_last_answer_is_returned(retrying: requests.Session, api: Any, headers: dict[str, str]) -> None:
    api.answers = [Response("", 503, headers) for _ in range(3)]
    assert retrying.get(api.url).status_code == 503
    assert len(api.requests) == (1 if headers else 3)


def test_each_try_of_a_token_request_has_a_proof_of_its_own(source: TokenSource, bound: Bound) -> None:
    source.retries = 1
    bound.endpoint.answers = [bound.endpoint.error(502, "bad_gateway")]
    assert source.get(AUDIENCE, SCOPES).value
    assert len({proof_of(request)["jti"] for request in bound.endpoint.requests}) == 2


def test_a_file_is_not_sent_again(retrying: requests.Session, api: Any) -> None:
    api.answers = [Response("", 503)]
    assert retrying.post(api.url, data=io.BytesIO(b"file")).status_code == 503
    assert len(api.requests) == 1


def test_a_connection_that_fails_is_tried_again(source: TokenSource, unused_port: int) -> None:
    tries: list[str] = []

    class Counting(HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
            tries.append(request.headers["DPoP"])
            return super().send(request, *args, **options)

    assert source.dpop
    url = f"http://127.0.0.1:{unused_port}"
    with requests.Session() as session:
        session.auth = DpopAuth(source, api_url=url, audience=AUDIENCE, scopes=SCOPES)
        session.mount("http://", FreshProofs(Counting(), source.dpop, retry_policy(1)))
        with pytest.raises(requests.ConnectionError):
            session.get(url)
    assert len(set(tries)) == 2


@pytest.mark.requirement("RFC 9700 2.2.1 bound tokens")
def test_the_job_binds_its_token_by_a_setting(
    environ: dict[str, str], bound: Bound, api: Any, tmp_path: Path
) -> None:
    changed = {"DPOP": "1", "TOKEN_URL": bound.endpoint.url, "HTTP_RETRIES": "1"}
    settings = Settings.from_environ(environ | changed)
    sample = Path(__file__).parents[2] / "inbox/timesheets-2026-W46-late.csv"
    shutil.copy(sample, tmp_path / "inbox")
    api.answers = [Response("", 503)]
    service = build(settings)
    run = service.runner.run_here(resend=False, fresh_token=False, progress=lambda *_: None)
    service.close()
    assert run
    assert run.state == "completed"
    assert api.books
    assert len({proof_of(request)["jti"] for request in api.requests}) == 2
    stored = service.history.find(run.id)
    assert stored
    kept = json.dumps(stored.as_json())
    for request in (*bound.endpoint.requests, *api.requests):
        assert request.headers["DPoP"].rpartition(".")[2] not in kept
    for presented in api.tokens:
        assert presented.rpartition(".")[2] not in kept


def test_a_proof_says_when_it_was_made_and_without_a_token_names_none() -> None:
    proof = DpopKey(clock=lambda: 1000.9).proof("GET", f"{AUDIENCE}/a?b#c")
    claims = jwt.decode(proof, options={"verify_signature": False})
    assert claims | {"jti": ""} == {"htm": "GET", "htu": f"{AUDIENCE}/a", "iat": 1000, "jti": ""}


def test_a_nonce_is_used_for_the_server_that_sent_it_alone() -> None:
    key = DpopKey()
    response = requests.Response()
    response.url = f"{AUDIENCE}/a"
    response.headers["DPoP-Nonce"] = "n"
    key.remember_nonce(response)
    proofs = [key.proof("GET", url) for url in (f"{AUDIENCE}/b", "https://other.example/b")]
    nonces = [jwt.decode(proof, options={"verify_signature": False}).get("nonce") for proof in proofs]
    assert nonces == ["n", None]


class Answers(BaseAdapter):
    """Answers with these statuses in turn, with a Retry-After, and keeps the options of each request."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.statuses = list(statuses)
        self.options: list[dict[str, Any]] = []

    def send(self, _request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Answer."""
        self.options.append(options)
        response = requests.Response()
        response.status_code = self.statuses.pop(0)
        response.headers["Retry-After"] = "1"
        response.raw = HTTPResponse(headers={"Retry-After": "1"}, status=response.status_code)
        return response


class Pauses(BoundedRetry):
    """Does not pause; `asked` are the pauses that the answers asked for."""

    asked: ClassVar[list[float | None]] = []

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Keep what the answer asks for."""
        self.asked.append(self.get_retry_after(response) if response else None)


@pytest.mark.parametrize(("status", "tries"), [(503, 2), (413, 2), (400, 1)])
def test_each_try_has_the_options_of_the_first_and_the_pause_that_the_answer_asks_for(
    status: int, tries: int
) -> None:
    Pauses.asked = []
    answers = Answers(status, 200)
    request = requests.Request("GET", AUDIENCE).prepare()
    sender = FreshProofs(answers, DpopKey(), Pauses(1, status_forcelist=[503]))
    sender.send(request, timeout=(1, 2), verify="ca.pem")
    assert answers.options == [{"timeout": (1, 2), "verify": "ca.pem"}] * tries
    assert Pauses.asked == [1.0] * (tries - 1)


class Failing(BaseAdapter):
    """Sends nothing, counts the tries, and says that the connection failed."""

    tries = 0

    def send(self, *_: Any, **__: Any) -> requests.Response:
        """Fail."""
        self.tries += 1
        raise requests.ConnectionError


@pytest.mark.parametrize(
    ("policy", "tries"),
    [
        (Retry(1), 2),
        (Retry(1, read=0), 1),  # the request may have been read
        (Retry(1, allowed_methods=["GET"]), 2),
    ],
)
def test_a_failed_connection_is_tried_again_as_the_policy_says(policy: Retry, tries: int) -> None:
    failing = Failing()
    request = requests.Request("GET", AUDIENCE).prepare()
    with pytest.raises(requests.ConnectionError):
        FreshProofs(failing, DpopKey(), policy).send(request)
    assert failing.tries == tries
