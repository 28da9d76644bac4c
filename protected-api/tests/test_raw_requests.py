"""Requests that no well-behaved client sends, byte by byte: none makes the API under gunicorn fail.

`<auth>` stands for a good Authorization header, `<token>` for its token.
"""

import json
import re
from typing import Any

import pytest

CLOSE = "Host: x\r\nConnection: close\r\n"
JSON = "Content-Type: application/json\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
SCOPES = "batch:upload read:timesheets create:timesheets delete:timesheets approve:timesheets"
ENTRY = json.dumps(
    {"external_id": "e", "user_id": "u", "date": "2026-11-02", "project": "P", "hours": "1"},
)
INNER = "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
NEXT = f"GET /healthz HTTP/1.1\r\n{CLOSE}\r\n"
UPLOAD = f"POST /timesheets/upload HTTP/1.1\r\n{CLOSE}{JSON}<auth>"
KEPT = "POST /timesheets/upload HTTP/1.1\r\nHost: x\r\n"


def request(line: str, headers: str = "", body: str = "") -> str:
    return f"{line} HTTP/1.1\r\n{CLOSE}{headers}<auth>\r\n{body}"


def sized(text: str, length: int | None = None) -> str:
    """Return the last header, Content-Length, and the body."""
    return f"Content-Length: {len(text) if length is None else length}\r\n\r\n{text}"


def chunk(text: str) -> str:
    return f"{len(text):x}\r\n{text}\r\n"


METHODS = {
    "HEAD": (request("HEAD /timesheets"), [200]),
    "HEAD without a token": (f"HEAD /timesheets HTTP/1.1\r\n{CLOSE}\r\n", [401]),
    "OPTIONS": (request("OPTIONS /timesheets"), [200]),
    "OPTIONS *": (request("OPTIONS *"), [404]),
    "TRACE": (request("TRACE /timesheets"), [405]),
    "CONNECT": (request("CONNECT evil.example:443"), [404]),
    "an unknown method": (request("GETT /timesheets"), [405]),
    "a method in small letters": (request("get /timesheets"), [400]),
    "another method in a header": (request("GET /timesheets/1", "X-HTTP-Method-Override: DELETE\r\n"), [405]),
}
PATHS = {
    **{
        path: (request(f"GET {path}"), [404])
        for path in ("/timesheets/", "/timesheets;a=b", "/x/../timesheets")
    },
    **{
        path: (request(f"GET {path}"), [404])
        for path in ("/x/%2e%2e/timesheets", "/timesheets%00", "/%ff%fe")
    },
    **{
        number: (request(f"DELETE /timesheets/{number}"), [404])
        for number in ("0", "-1", "01", "1.0", "1%00", "%D9%A1", "999999999999999999", "9" * 1000, "1e3")
    },
    "escaped letters": (request("GET /%74imesheets"), [200]),
    "two slashes": (request("GET //timesheets"), [200]),
    "an escaped slash": (request("GET /timesheets%2Fupload"), [405]),
    "NUL": (request("GET /time\0sheets"), [400]),
    "a byte beyond ASCII": (request("GET /timesheets/\xff"), [400]),
    "longer than 4094": (request(f"DELETE /timesheets/{'9' * 5000}"), [414]),
    "a full address": (request("GET http://evil.example/timesheets"), [200]),
    "a broken address": (request("GET http://[/timesheets"), [400]),
}
QUERIES = {
    query[:20]: (request(f"GET /timesheets?{query}"), [status])
    for query, status in {
        "user_id=%00": 400,
        "cursor=99999999999999999999": 400,
        "cursor=-1": 400,
        "limit=1;limit=2": 400,
        "project=%ff": 200,
        "project=%zz": 200,
        "project=%ed%a0%80": 200,
        "project=\xff": 400,
        "=": 400,
        "&": 200,
        "a": 400,
        "cursor": 400,
        f"project={'x' * 5000}": 414,
        "cursor=9223372036854775807": 200,
    }.items()
}
HEADERS = {
    "none": ("GET /timesheets HTTP/1.1\r\n\r\n", [401]),
    "two hosts": (request("GET /timesheets", "Host: y\r\n"), [400]),
    "no host's name": ("GET /timesheets/ HTTP/1.1\r\nHost: [\r\nConnection: close\r\n<auth>\r\n", [404]),
    "a folded one": (f"GET /timesheets HTTP/1.1\r\n{CLOSE}Authorization: Bearer\r\n <token>\r\n\r\n", [400]),
    "a blank before the colon": (f"GET / HTTP/1.1\r\n{CLOSE}Authorization : Bearer <token>\r\n\r\n", [400]),
    "Authorization twice": (request("GET /timesheets", "<auth>"), [400]),
    "Authorization twice, in small letters": (request("GET /", "authorization: Bearer x\r\n"), [404]),
    "NUL": (f"GET /timesheets HTTP/1.1\r\n{CLOSE}Authorization: Bearer a\0\r\n\r\n", [400]),
    "a lone CR": (f"GET /timesheets HTTP/1.1\r\n{CLOSE}Authorization: Bearer a\rX: b\r\n\r\n", [400]),
    "bytes": (f"GET /timesheets HTTP/1.1\r\n{CLOSE}Authorization: Bearer \xff\xfe\r\n\r\n", [400]),
    "a long one": (request("GET /timesheets", f"X: {'x' * 9000}\r\n"), [431]),
    "many": (request("GET /timesheets", "".join(f"X{number}: 1\r\n" for number in range(200))), [431]),
    "SCRIPT_NAME": (request("GET /timesheets", "SCRIPT_NAME: /x\r\nPATH_INFO: /y\r\n"), [200]),
    "the forwarded": (
        request("GET /timesheets", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: [\r\n"),
        [200],
    ),
    "a traceparent of bytes": (request("GET /timesheets", "traceparent: \xff\r\n"), [200]),
    "a range": (request("GET /timesheets", "Range: bytes=0-1\r\n"), [200]),
}
BODIES = {
    "whole": (UPLOAD + sized(ENTRY), [200]),
    "in chunks": (f"{UPLOAD}{CHUNKED}\r\n{chunk(ENTRY[:9])}{chunk(ENTRY[9:])}{chunk('')}", [200]),
    "none": (f"{UPLOAD}\r\n", [400]),
    "that ends early": (UPLOAD + sized(ENTRY, len(ENTRY) + 1), [400]),
    "longer than allowed": (UPLOAD + sized(ENTRY, 10**11), [413]),
    "of a negative length": (UPLOAD + sized(ENTRY, -1), [400]),
    "of no length": (f"{UPLOAD}Content-Length: x\r\n\r\n{ENTRY}", [400]),
    "of two lengths": (f"{UPLOAD}Content-Length: 5\r\n{sized(ENTRY)}", [400]),
    "of a length, and in chunks": (
        f"{UPLOAD}Content-Length: 5\r\n{CHUNKED}\r\n{chunk(ENTRY)}{chunk('')}",
        [400],
    ),
    "in chunks that end early": (f"{UPLOAD}{CHUNKED}\r\nff\r\n{ENTRY}", [400]),
    "without a last chunk": (f"{UPLOAD}{CHUNKED}\r\n{chunk(ENTRY)}", [400]),
    "in chunks of no length": (f"{UPLOAD}{CHUNKED}\r\nzz\r\n{ENTRY}", [400]),
    "in chunks of a negative length": (f"{UPLOAD}{CHUNKED}\r\n-5\r\n{ENTRY}", [400]),
    "in an unknown coding": (
        f"{UPLOAD}Transfer-Encoding: x\r\n\r\n{ENTRY}",
        [501],
    ),  # as RFC 9112 6.1 demands
    "packed": (f"{UPLOAD}Content-Encoding: gzip\r\n{sized(chr(31) + chr(139) + '...')}", [400]),
    "waited for": (f"{UPLOAD}Expect: 100-continue\r\n{sized(ENTRY)}", [100, 200]),
    "waited for otherwise": (f"{UPLOAD}Expect: x\r\n{sized(ENTRY)}", [417]),
    "of another type": (UPLOAD.replace("json", "x-www-form-urlencoded") + sized(ENTRY), [415]),
    "of a GET": (request("GET /timesheets", sized("abc").removesuffix("\r\n\r\nabc") + "\r\n", "abc"), [200]),
}
# The unread rest of a request is not read as the next request: clients that share a proxy rely on this.
CONNECTIONS = {
    "after a refusal": (f"{KEPT}{sized(INNER)}{NEXT}", [401, 200]),
    "after a 415": (f"{KEPT}<auth>{sized(INNER)}{NEXT}", [415, 200]),
    "after chunks that nobody read": (f"{KEPT}{CHUNKED}\r\n{chunk(INNER)}{chunk('')}{NEXT}", [401, 200]),
    "after chunks of no length": (f"{KEPT}{JSON}<auth>{CHUNKED}\r\nzz\r\n{INNER}{NEXT}", [400]),
    "after a body that is too long": (f"{KEPT}{JSON}<auth>{sized(INNER, 2**21)}{NEXT}", [413]),
    "after a GET with a body": (f"GET /healthz HTTP/1.1\r\nHost: x\r\n{sized(INNER)}{NEXT}", [200, 200]),
}
NOT_HTTP = {
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "TLS": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", []),
    "a greeting": ("hello\r\n\r\n", [400]),
    "the PROXY protocol": (f"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n{NEXT}", [400]),
    "lines that end with LF": ("GET /timesheets HTTP/1.1\nHost: x\n\n", [400]),
}
RAW = {
    f"{kind}: {name}": case
    for kind, cases in {
        "method": METHODS,
        "path": PATHS,
        "query": QUERIES,
        "headers": HEADERS,
        "body": BODIES,
        "connection": CONNECTIONS,
        "not HTTP": NOT_HTTP,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize(("raw", "statuses"), RAW.values(), ids=RAW)
def test_answers_every_sequence_of_bytes(workers: Any, raw: str, statuses: list[int]) -> None:
    token = workers.issuer.token(scope=SCOPES)
    sent = raw.replace("<auth>", f"Authorization: Bearer {token}\r\n").replace("<token>", token)
    logged = workers.log.stat().st_size
    received = workers.send(sent.encode("latin-1"))
    assert [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", received)] == statuses
    assert workers.status(token) == 200
    assert '"level": "error"' not in workers.log.read_text()[logged:]


@pytest.mark.requirement("RFC 9110 15.5.6 Allow")
def test_a_405_names_the_methods_that_the_route_has(workers: Any) -> None:
    refused = workers.send(request("PATCH /timesheets").replace("<auth>", "").encode())
    [allowed] = re.findall(rb"^Allow: (.*)\r$", refused, re.MULTILINE)
    assert set(allowed.split(b", ")) == {b"GET", b"HEAD", b"OPTIONS", b"POST"}
