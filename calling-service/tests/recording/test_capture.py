import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import requests
from calling_service.runs.case import Outcome
from flow_explorer.answers import outcome
from hypothesis import given
from hypothesis import strategies as st
from recording.capture import BODY_LIMIT, capture
from recording.exchange import DecodedToken, Exchange, Step
from recording.redaction import CUT, MASK
from requests.auth import HTTPBasicAuth

DECODED = DecodedToken({"alg": "RS256", "typ": "at+jwt"}, {"sub": "job"})
STEPS = (Step(1, "asks", ("request",)),)
B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SIGNATURES = st.text(B64, min_size=20, max_size=90).filter(lambda signature: len(set(signature)) > 8)


def exchange(
    headers: dict[str, str] | None = None,
    body: bytes | str | None = None,
    *,
    url: str = "http://auth:9000/oauth/token",
    auth: Any = None,
    status: int | None = 200,
    answer: bytes = b"",
    answer_headers: dict[str, str] | None = None,
) -> Exchange:
    request = requests.Request("POST", url, headers=headers, data=body, auth=auth).prepare()
    response = None
    if status is not None:
        response = requests.Response()
        response.status_code, response.reason, response._content = status, "OK", answer
        response.headers.update(answer_headers or {"Content-Type": "application/json"})
    return capture(
        steps=STEPS,
        sender="A",
        receiver="B",
        request=request,
        response=response,
        failure=None if response else "ConnectTimeout",
        started_at=datetime(2026, 11, 24, tzinfo=UTC),
        elapsed=0.0123456789,
    )


def dump(captured: Exchange) -> str:
    return json.dumps(captured.as_json(), ensure_ascii=False)


# The text of an exchange without any credential; a generated secret must not be a part of it.
FRAME: str = "".join(
    dump(exchange({**headers, "X-Seen": "x"}, body, url=url, answer=answer))
    for headers, body, url, answer in (
        (
            {"Authorization": "Basic !"},
            "",
            "http://a/?client_secret=",
            b'{"error": "invalid_client", "seen": []}',
        ),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            "client_id=job&client%5Fsecret=&scope=a",
            "http://a/",
            b"",
        ),
        (
            {"Authorization": "Bearer !"},
            '{"client_secret": ""}',
            "http://a/",
            b'{"access_token": "", "note": "is "}',
        ),
        ({}, "", "http://a/", b'{"refresh_token": "", "token": {"a": [""]}, "token_type": "Bearer"}'),
        ({"Authorization": "Basic " + base64.b64encode(b"job:").decode()}, "", "http://a/", b""),
    )
)


SECRETS: st.SearchStrategy[str] = st.text(min_size=8, max_size=60).filter(
    lambda secret: len(set(secret)) > 4 and secret not in FRAME
)


def token(signature: str, **claims: Any) -> str:
    parts = ({"alg": "RS256", "typ": "at+jwt"}, {"sub": "job", **claims})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    return ".".join([*encoded, signature])


def forms(secret: str) -> set[str]:
    raw = secret.encode()
    plain = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    escaped = {json.dumps(each)[1:-1] for each in plain} | {
        json.dumps(each, ensure_ascii=False)[1:-1] for each in plain
    }
    return (
        plain
        | escaped
        | {base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    )


def assert_absent(secret: str, captured: Exchange) -> None:
    """No form of the secret is in any text of the exchange."""
    document = captured.as_json()
    texts = [document["url"], document["failure"] or ""]
    for message in filter(None, (document["request"], document["response"])):
        texts += [
            message["start_line"],
            message["body"],
            *(text for pair in message["headers"] for text in pair),
        ]
    for text in texts:
        for form in forms(secret):
            assert form not in text


@given(secret=SECRETS)
def test_keeps_no_form_of_a_basic_secret_even_where_a_server_echoes_it(secret: str) -> None:
    auth = HTTPBasicAuth("job", quote_plus(secret))
    sent = base64.b64encode(f"job:{quote_plus(secret)}".encode()).decode()
    echo = {"error": "invalid_client", "seen": [*forms(secret), sent]}
    for answer in (json.dumps(echo), json.dumps(echo, ensure_ascii=False), "\n".join([*forms(secret), sent])):
        captured = exchange(auth=auth, answer=answer.encode(), answer_headers={"X-Seen": quote(secret)})
        assert_absent(secret, captured)
        assert sent not in dump(captured)
    assert ("Authorization", "Basic [base64 of job:<client secret>, masked]") in captured.request.headers


@given(secret=SECRETS)
def test_keeps_no_form_of_a_secret_in_form_query_or_json(secret: str) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    captured = exchange(
        form, f"client_id=job&client%5Fsecret={quote_plus(secret)}&scope=a", answer=secret.encode()
    )
    assert captured.request.body == f"client_id=job&client%5Fsecret={MASK}&scope=a"
    assert_absent(secret, captured)
    assert_absent(secret, exchange(url=f"http://a/?client_secret={quote(secret)}", answer=secret.encode()))
    assert_absent(secret, exchange(body=json.dumps({"client_secret": secret}), answer=secret.encode()))


@given(signature=SIGNATURES)
def test_keeps_a_token_as_header_and_payload_without_its_signature(signature: str) -> None:
    value = token(signature)
    captured = exchange(
        {"Authorization": f"Bearer {value}"},
        answer=json.dumps(
            {"access_token": value, "token_type": "Bearer", "note": f"is {signature}"}
        ).encode(),
        answer_headers={"Content-Type": "application/json", "X-Seen": value},
    )
    assert signature not in dump(captured)
    assert captured.response
    assert captured.response.token == captured.request.token == DECODED
    assert dict(captured.request.headers)["Authorization"] == f"Bearer {value.rpartition('.')[0]}.{CUT}"
    assert json.loads(captured.response.body)["access_token"] == f"{value.rpartition('.')[0]}.{CUT}"


@pytest.mark.parametrize("member", ["token", "access_token", "client_assertion"])
@given(signature=SIGNATURES)
def test_keeps_a_token_in_a_form_or_query_without_its_signature(member: str, signature: str) -> None:
    value = token(signature)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    captured = exchange(form, f"a=b&{member}={value}", url=f"http://a/?{member}={value}")
    assert captured.request.body == f"a=b&{member}={value.rpartition('.')[0]}.{CUT}"
    assert captured.request.token == DECODED
    assert captured.url.endswith(f"{member}={value.rpartition('.')[0]}.{CUT}")
    assert signature not in dump(captured)


def test_shows_all_of_a_token_that_has_no_signature() -> None:
    value = token("")
    form = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {value}"}
    captured = exchange(form, f"token={value}", answer=json.dumps({"access_token": value}).encode())
    assert dict(captured.request.headers)["Authorization"] == f"Bearer {value}"
    assert captured.request.body == f"token={value}"
    assert captured.response
    assert json.loads(captured.response.body) == {"access_token": value}


@given(secret=SECRETS)
def test_keeps_no_secret_that_a_server_echoes_in_its_timings(secret: str) -> None:
    shown = secret.encode("ascii", "ignore").decode()
    timings = {"Server-Timing": f"a;desc={json.dumps(shown)},call.b;desc={json.dumps('GET http://' + shown)}"}
    captured = exchange(auth=HTTPBasicAuth("job", quote_plus(shown)), answer_headers=timings)
    for text in (*(check.reason for check in captured.checks), *(call.request for call in captured.calls)):
        assert len(shown) < 8 or shown not in (text or "")


@given(opaque=st.text(B64 + ".~+/", min_size=12, max_size=60).filter(lambda opaque: opaque not in FRAME))
def test_keeps_nothing_of_an_opaque_token(opaque: str) -> None:
    body = json.dumps({"access_token": opaque, "refresh_token": opaque, "token": {"a": [opaque]}})
    captured = exchange({"Authorization": f"Bearer {opaque}"}, answer=body.encode())
    assert dict(captured.request.headers)["Authorization"] == f"Bearer {MASK}"
    assert opaque not in dump(captured)


def test_keeps_no_secret_of_a_member_whose_name_is_escaped() -> None:
    assert "opaque" not in dump(exchange(body='{"client\\u005fsecret": "opaque"}'))


@pytest.mark.parametrize(
    "template", ["access_token=%s&token_type=bearer", '{"access_token": "%s", cut', "access_token: %s"]
)
def test_keeps_no_token_in_a_body_of_an_unknown_form(template: str) -> None:
    assert "opaque-value-of-a-token" not in dump(
        exchange(answer=(template % "opaque-value-of-a-token").encode())
    )
    value = token("s1gnatur3-of-the-token")
    assert "s1gnatur3" not in dump(exchange(answer=(template % value).encode()))
    assert "s1gnatur3" not in dump(exchange(answer=f"oops {value} oops".encode()))


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("Cookie", "session=abcdef", MASK),
        ("Proxy-Authorization", "Basic abcdef", MASK),
        ("Authorization", "Basic not-base64", f"Basic {MASK}"),
        ("Authorization", "Basic " + base64.b64encode(b"no-colon-here").decode(), f"Basic {MASK}"),
        ("Authorization", "Basic " + base64.b64encode(b"\xff:\xff\xfe\xfd").decode(), f"Basic {MASK}"),
        ("Authorization", "Digest response=abcdef", f"Digest {MASK}"),
        ("Authorization", "Bearer a.b.c", f"Bearer {MASK}"),
        ("Authorization", "Bearer bnVsbA.bnVsbA.c", f"Bearer {MASK}"),
        ("X-Plain", "kept", "kept"),
    ],
)
def test_masks_the_credential_in_a_header(name: str, value: str, kept: str) -> None:
    assert dict(exchange({name: value}).request.headers)[name] == kept


def test_a_long_body_is_shortened_and_keeps_its_size() -> None:
    captured = exchange(body=b"x" * 10_000)
    assert (len(captured.request.body), captured.request.body_size) == (BODY_LIMIT, 10_000)
    assert captured.request.body_shortened


@pytest.mark.parametrize("levels", [900, 100_000])
def test_an_answer_nested_too_deep_is_text(levels: int) -> None:
    answer = '{"access_token": "opaque-opaque", "a": ' + "[" * levels + "]" * levels + "}"
    captured = exchange(answer=answer.encode())
    assert captured.response is not None
    assert captured.response.body == answer.replace("opaque-opaque", MASK)[:BODY_LIMIT]
    assert outcome(captured) == Outcome(200, None, None)


def test_a_token_nested_too_deep_is_not_decoded() -> None:
    payload = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    captured = exchange({"Authorization": f"Bearer eyJhIjoxfQ.{payload}.signature"})
    assert dict(captured.request.headers)["Authorization"] == f"Bearer {MASK}"
    assert captured.request.token is None


def test_a_claim_nested_as_deep_as_json_goes_is_kept() -> None:
    claim = json.loads("[" * 700 + "]" * 700)
    captured = exchange({"Authorization": f"Bearer {token('c2lnbmF0dXJl', deep=claim)}"})
    document = json.loads(json.dumps(captured.as_json()))
    assert document["request"]["token"]["payload"]["deep"] == claim
    assert Exchange.from_json(document).request.token == captured.request.token


def test_a_streamed_body_is_not_kept() -> None:
    captured = exchange(body=iter([b"once"]))  # type: ignore[arg-type]
    assert captured.request.body == ""


def test_a_missing_answer_is_captured_with_its_failure() -> None:
    document = exchange(status=None).as_json()
    assert (document["status"], document["response"], document["failure"]) == (None, None, "ConnectTimeout")


TIMED = {
    "Content-Type": "application/json",
    "Server-Timing": 'request;dur=0.5,call.jwks;dur=2;desc="GET http://b/keys 200",times;dur=1;desc="no"',
}


def test_a_proof_is_decoded_and_its_signature_cut() -> None:
    proof = token("c2lnbmF0dXJlLW9mLWEtcHJvb2Y", htm="GET")
    captured = exchange({"Authorization": f"DPoP {token('c2lnbmF0dXJlLW9mLWEtdG9rZW4')}", "DPoP": proof})
    assert captured.request.proof
    assert captured.request.proof.payload["htm"] == "GET"
    assert captured.request.header("DPoP").endswith(".[signature cut]")
    assert captured.request.header("Authorization").endswith(".[signature cut]")
    document = json.loads(json.dumps(captured.as_json()))
    assert Exchange.from_json(document) == captured
    del document["request"]["proof"]  # an earlier release stored none
    assert Exchange.from_json(document).request.proof is None


def test_a_run_shows_the_exchange_like_this() -> None:
    captured = exchange(
        url="http://auth:9000/oauth/token?x=1", body="a=b", answer=b'{"a": 1}', answer_headers=TIMED
    )
    assert Exchange.from_json(captured.as_json()) == captured
    assert captured.as_json() == {
        "steps": [{"number": 1, "label": "asks", "shows": ["request"]}],
        "from": "A",
        "to": "B",
        "method": "POST",
        "url": "http://auth:9000/oauth/token?x=1",
        "status": 200,
        "request": {
            "start_line": "POST /oauth/token?x=1 HTTP/1.1",
            "headers": [["Host", "auth:9000"], ["Content-Length", "3"]],
            "body": "a=b",
            "body_size": 3,
            "body_shortened": False,
            "token": None,
            "proof": None,
        },
        "response": {
            "start_line": "HTTP/1.1 200 OK",
            "headers": [list(pair) for pair in TIMED.items()],
            "body": '{"a": 1}',
            "body_size": 8,
            "body_shortened": False,
            "token": None,
            "proof": None,
        },
        "failure": None,
        "failed_before": [],
        "started_at": "2026-11-24T00:00:00.000Z",
        "elapsed": 0.012346,
        "checks": [
            {"name": "request", "duration": 0.0005, "reason": None},
            {"name": "times", "duration": 0.001, "reason": "no"},
        ],
        "calls": [
            {
                "name": "jwks",
                "request": "GET http://b/keys",
                "answer": "200",
                "duration": 0.002,
                "after": 1,
            }
        ],
    }
