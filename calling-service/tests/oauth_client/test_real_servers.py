"""What servers and gateways answer, and what the client makes of it: one row for each kind of answer.

This file needs the folder, requests and pytest alone; test_lifted.py runs it on a copy of the folder.
"""

import gzip
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import requests
from calling_service.oauth_client.bearer_auth import BearerAuth, InsufficientScopeError
from calling_service.oauth_client.refused_tokens import YOUNG
from calling_service.oauth_client.token_source import TokenError, TokenSource

TIMEOUT = (10.0, 10.0)  # seconds; a busy machine may need some


class Answer(NamedTuple):
    """What a server sends."""

    status: int
    body: str | bytes = ""
    headers: Mapping[str, str] = MappingProxyType({})
    after: float = 0  # seconds


class Server:
    """Answers every request with `answer`, and counts them."""

    def __init__(self) -> None:
        self.answer = Answer(200)
        self.calls = 0
        self.url = ""

    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return the handler of its requests."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.calls += 1
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                time.sleep(server.answer.after)
                body = server.answer.body
                self.send_response(server.answer.status)
                for name, value in server.answer.headers.items():
                    self.send_header(name, value)
                with suppress(BrokenPipeError):  # the client has waited long enough
                    self.end_headers()
                    self.wfile.write(body.encode() if isinstance(body, str) else body)

            do_POST = do_GET  # noqa: N815  # the name is the method's

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def running() -> Iterator[Server]:
    """Yield a server that runs until the test ends."""
    server = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), server.handler()) as http:
        server.url = f"http://127.0.0.1:{http.server_port}/"
        Thread(target=http.serve_forever, args=(0.01,)).start()
        yield server
        http.shutdown()


issuing = pytest.fixture(running, name="issuing")
api = pytest.fixture(running, name="api")


class Clocks:
    """Both clocks of a token source."""

    now = 1000.0


@pytest.fixture
def clocks() -> Clocks:
    """Return the clocks, which stand still."""
    return Clocks()


@pytest.fixture
def source(issuing: Server, clocks: Clocks, tmp_path: Path) -> Iterator[TokenSource]:
    """Return a source of tokens of the server."""
    (tmp_path / "secret").write_text("a+b/c%d:e f=")
    with requests.Session() as session:
        yield TokenSource(
            issuer="https://as.example",
            client_id="mine",
            secret_file=tmp_path / "secret",
            token_url=issuing.url,
            session=session,
            timeout=TIMEOUT,
            clock=lambda: clocks.now,
            wall_clock=lambda: clocks.now,
        )


JSON = {"Content-Type": "application/json"}
TOKENS = {  # the answer, and the life of its token
    "RFC 6749": (Answer(200, '{"access_token": "2Yot", "token_type": "Bearer", "expires_in": 3600}'), 3600),
    "Auth0": (
        Answer(
            200, '{"access_token":"eyJ.e30.c2","scope":"read:a","expires_in":86400,"token_type":"Bearer"}'
        ),
        86400,
    ),
    "Okta": (
        Answer(200, '{"token_type":"Bearer","expires_in":3600,"access_token":"eyJ.e30.c2","scope":"read:a"}'),
        3600,
    ),
    "Entra": (
        Answer(
            200,
            '{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"eyJ.e30.c2"}',
            {"Content-Type": "application/json; charset=utf-8"},
        ),
        3599,
    ),
    "Entra, version 1": (
        Answer(
            200,
            '{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"1388444763",'
            '"not_before":"1388440863","resource":"https://api.example","access_token":"eyJ.e30.c2"}',
        ),
        3599,
    ),
    "ADFS": (Answer(200, '{"access_token":"eyJ.e30.c2","token_type":"bearer","expires_in":3600}'), 3600),
    "Keycloak": (
        Answer(
            200,
            '{"access_token":"eyJ.e30.c2","expires_in":300,"refresh_expires_in":0,"token_type":"Bearer",'
            '"not-before-policy":0,"scope":"profile read:a email"}',
        ),
        300,
    ),
    "Salesforce": (
        Answer(
            200,
            '{"access_token":"00D5e000001N20Q!AQcAQH0dMHZfz972Szmpkb58urFRkgeBGsxL_QJWwYMfAbUeeG7c1E6LYUfi",'
            '"signature":"ZKT3=","scope":"read:a api","instance_url":"https://my.example",'
            '"id":"https://my.example/id/0","token_type":"Bearer","issued_at":"1700000000000"}',
        ),
        300,
    ),
    "Apigee": (
        Answer(
            200,
            '{"refresh_token_expires_in":"0","token_type":"BearerToken","issued_at":"1558032536000",'
            '"access_token":"NNb28","scope":"read:a","expires_in":"1799","refresh_count":"0"}',
        ),
        1799,
    ),
    "WSO2": (
        Answer(200, '{"access_token":"eyJ4","token_type":"Bearer","expires_in":9223372036854775}'),
        1e10,
    ),
    "Shopify": (Answer(200, '{"access_token":"shpat_f85","scope":"read:a","expires_in":86399}'), 86399),
    "LinkedIn": (Answer(200, '{"access_token":"AQV8","expires_in":"1800"}'), 1800),
    "Laravel": (Answer(200, '{"access_token":"7|Xz81","token_type":"Bearer","expires_in":null}'), 300),
    "compressed": (
        Answer(
            200, gzip.compress(b'{"access_token":"t","expires_in":9}'), JSON | {"Content-Encoding": "gzip"}
        ),
        9,
    ),
    "with a byte order mark": (
        Answer(
            200,
            b'\xef\xbb\xbf{"access_token":"t","expires_in":9}',
            {"Content-Type": "text/json; charset=utf-8"},
        ),
        9,
    ),
    "in another charset than it says": (
        Answer(
            200,
            '{"access_token":"t","expires_in":9,"x":"é"}',
            {"Content-Type": "text/plain; charset=latin-1"},
        ),
        9,
    ),
    "without a type": (Answer(200, '{"access_token":"t","expires_in":9}'), 9),
}


@pytest.mark.parametrize("name", TOKENS)
def test_accepts_the_token_of(source: TokenSource, issuing: Server, clocks: Clocks, name: str) -> None:
    issuing.answer, life = TOKENS[name]
    token = source.get("https://api.example", ["read:a"])
    assert token.life == life
    assert source.get("https://api.example", ["read:a"]) is token
    clocks.now += life
    assert source.peek("https://api.example", ["read:a"]) is None


NO_WORDS = "bad_response: HTTP STATUS without a usable body"
HTML = "<html><body>Sign in</body></html>"
REFUSALS = {  # the answer, the error, and the seconds without a call
    "RFC 6749": (
        Answer(401, '{"error":"invalid_client"}'),
        "invalid_client: HTTP 401 without a usable body",
        30,
    ),
    "Auth0": (
        Answer(403, '{"error":"access_denied","error_description":"Service not found: https://api.example"}'),
        "access_denied: Service not found: https://api.example",
        0,
    ),
    "Okta": (
        Answer(
            401, '{"errorCode":"invalid_client","errorSummary":"Invalid value for \'client_id\' parameter."}'
        ),
        "bad_response: Invalid value for 'client_id' parameter.",
        30,
    ),
    "Entra": (
        Answer(
            401,
            '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid secret.\\r\\nTrace ID: 1",'
            '"error_codes":[7000215]}',
        ),
        "invalid_client: AADSTS7000215: Invalid secret.Trace ID: 1",
        30,
    ),
    "Keycloak": (
        Answer(
            401, '{"error":"unauthorized_client","error_description":"Invalid client or Invalid credentials"}'
        ),
        "unauthorized_client: Invalid client or Invalid credentials",
        30,
    ),
    "Salesforce": (
        Answer(400, '{"error":"invalid_client_id","error_description":"client identifier invalid"}'),
        "invalid_client_id: client identifier invalid",
        0,
    ),
    "Google": (
        Answer(403, '{"error":{"code":403,"message":"Forbidden by policy","status":"PERMISSION_DENIED"}}'),
        "bad_response: Forbidden by policy",
        0,
    ),
    "an error with status 200, as GitHub's": (
        Answer(200, '{"error":"incorrect_client_credentials","error_description":"The id is incorrect."}'),
        "incorrect_client_credentials: The id is incorrect.",
        0,
    ),
    "Kong": (
        Answer(429, '{"message":"API rate limit exceeded"}', {"Retry-After": "17"}),
        "bad_response: API rate limit exceeded",
        17,
    ),
    "AWS API Gateway": (Answer(403, '{"message":"Forbidden"}'), "bad_response: Forbidden", 0),
    "AWS ALB": (Answer(503, HTML), NO_WORDS, 0),
    "a problem of RFC 9457": (
        Answer(
            502,
            '{"title":"Bad Gateway","detail":"No upstream."}',
            {"Content-Type": "application/problem+json"},
        ),
        "bad_response: No upstream.",
        0,
    ),
    "nginx": (
        Answer(502, HTML, {"Content-Type": "text/html"}),
        NO_WORDS,
        0,
    ),
    "nginx, busy": (
        Answer(503, HTML, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}),
        NO_WORDS,
        300,
    ),
    "a page to sign in with status 200": (
        Answer(200, HTML),
        NO_WORDS,
        0,
    ),
    "an empty 401": (Answer(401), NO_WORDS, 30),
    "an empty 200": (Answer(200), NO_WORDS, 0),
    "204": (Answer(204), NO_WORDS, 0),
    "301": (Answer(301, "", {"Location": "/elsewhere"}), NO_WORDS, 0),
    "307": (Answer(307, "", {"Location": "/elsewhere"}), NO_WORDS, 0),
    "a proxy that wants a password": (Answer(407, HTML), NO_WORDS, 0),
    "half of the JSON": (
        Answer(200, '{"access_token": "t", "expi'),
        NO_WORDS,
        0,
    ),
    "a list": (Answer(200, '["t"]'), NO_WORDS, 0),
    "no text": (Answer(200, b"\xff\x00\xfe"), NO_WORDS, 0),
    "fewer bytes than it says": (
        Answer(200, "{", {"Content-Length": "9"}),
        "unreachable: URL did not answer (ChunkedEncodingError)",
        0,
    ),
    "a chunk of a size below 0": (
        Answer(200, "-2\r\n{}\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}),
        "unreachable: URL did not answer (ValueError)",
        0,
    ),
    "slow": (Answer(200, "{}", {}, 0.6), "unreachable: URL did not answer (ReadTimeout)", 0),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_says_why_there_is_no_token_from(
    source: TokenSource, issuing: Server, clocks: Clocks, name: str
) -> None:
    issuing.answer, sentence, pause = REFUSALS[name]
    if issuing.answer.after:
        source.timeout = (10, issuing.answer.after / 2)
    with pytest.raises(TokenError) as error:
        source.get("https://api.example", ["read:a"])
    source.timeout = TIMEOUT
    status = str(issuing.answer.status)
    assert str(error.value) == sentence.replace("URL", issuing.url).replace("STATUS", status)
    assert (error.value.retry_after, issuing.calls) == (pause, 1)
    clocks.now += pause
    issuing.answer = Answer(200, '{"access_token": "t", "expires_in": 9}')
    assert source.get("https://api.example", ["read:a"]).value == "t"


def challenge(value: str) -> dict[str, str]:
    return {"WWW-Authenticate": value}


API_ANSWERS = {  # the answer, and how many requests and token calls two calls of the API make
    "RFC 6750": (Answer(401, "", challenge('Bearer realm="a", error="invalid_token"')), 3, 2),
    "Spring": (
        Answer(
            401, "", challenge('Bearer error="invalid_token", error_description="expired", error_uri="u"')
        ),
        3,
        2,
    ),
    "ASP.NET": (
        Answer(
            401, "", challenge('Bearer error="invalid_token", error_description="expired at \'1/1/2026\'"')
        ),
        3,
        2,
    ),
    "Envoy": (
        Answer(401, "Jwt is expired", challenge('Bearer realm="http://a/", error="invalid_token"')),
        3,
        2,
    ),
    "AWS HTTP API": (
        Answer(401, "{}", challenge('Bearer scope="" error="invalid_token" error_description="expired"')),
        3,
        2,
    ),
    "Kong OAuth2": (
        Answer(401, "{}", challenge('Bearer realm="service" error="invalid_token" error_description="e"')),
        3,
        2,
    ),
    "IIS before it": (
        Answer(401, "", challenge('Negotiate YIIa/b+c=, NTLM, Bearer error="invalid_token"')),
        3,
        2,
    ),
    "parameters with other names": (
        Answer(401, "", challenge("Bearer as.uri=u, error_description*=UTF-8''e, error=invalid_token")),
        3,
        2,
    ),
    "oauthlib": (Answer(401, "{}", challenge('Bearer, error="invalid_token", error_description="e"')), 3, 2),
    "a bare challenge": (Answer(401, "", challenge("Bearer")), 2, 2),
    "nginx auth_jwt": (Answer(401, HTML, challenge('Bearer realm="closed site"')), 2, 2),
    "Salesforce": (Answer(401, '[{"errorCode":"INVALID_SESSION_ID"}]', challenge("Token")), 2, 2),
    "AWS REST API": (
        Answer(401, '{"message":"Unauthorized"}', {"x-amzn-ErrorType": "UnauthorizedException"}),
        2,
        2,
    ),
    "Kong JWT": (Answer(401, '{"exp":"token expired"}', challenge("Bearer")), 2, 2),
    "Azure API Management": (
        Answer(401, '{"statusCode":401,"message":"Unauthorized. Access token is missing"}'),
        2,
        2,
    ),
    "another error": (Answer(401, "", challenge('Bearer error="expired_token"')), 2, 2),
    "a challenge of another scheme": (Answer(401, "", challenge('Negotiate, Basic realm="a"')), 2, 2),
    "a proxy that wants a password": (Answer(407, "", {"Proxy-Authenticate": 'Basic realm="p"'}), 2, 1),
    "403": (Answer(403, '{"message":"Forbidden"}'), 2, 1),
    "503": (Answer(503, HTML, {"Retry-After": "1"}), 2, 1),
}


@pytest.fixture
def session(source: TokenSource, api: Server, issuing: Server, clocks: Clocks) -> Iterator[requests.Session]:
    """Return a session with a token that is old enough to be dropped."""
    issuing.answer = Answer(200, '{"access_token": "t", "token_type": "Bearer", "expires_in": 3600}')
    source.get("https://api.example", ["read:a"])
    clocks.now += YOUNG
    with requests.Session() as session:
        session.auth = BearerAuth(source, api_url=api.url, audience="https://api.example", scopes=["read:a"])
        yield session


@pytest.mark.parametrize("name", API_ANSWERS)
def test_recovers_from_the_refusal_of(
    session: requests.Session, api: Server, issuing: Server, name: str
) -> None:
    api.answer, requests_made, token_calls = API_ANSWERS[name]
    assert session.get(api.url, timeout=TIMEOUT).status_code == api.answer.status
    session.get(api.url, timeout=TIMEOUT)
    assert (api.calls, issuing.calls) == (requests_made, token_calls)


@pytest.mark.parametrize("separator", [", ", " ", ",", "; "])
def test_names_the_scope_that_the_token_lacks(session: requests.Session, api: Server, separator: str) -> None:
    parts = ('Bearer realm="a"', 'error="insufficient_scope"', 'scope="read:a write:a"')
    api.answer = Answer(403, "", challenge(separator.join(parts)))
    with pytest.raises(InsufficientScopeError, match="write:a"):
        session.get(api.url, timeout=TIMEOUT)
