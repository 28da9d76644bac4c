import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording.server_timing import Check, ServerCall, parse

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_distinguishes_checks_from_calls_and_keeps_their_order() -> None:
    header = (
        'size;dur=0.01, call.jwks;dur=12.5;desc="GET http://auth-server:9000/.well-known/jwks.json 200",'
        'kid-known;dur=13,signature ; dur = 0.5 ; desc="The signature is wrong."'
    )
    assert parse(header) == (
        (
            Check("size", 0.00001, None),
            Check("kid-known", 0.013, None),
            Check("signature", 0.0005, "The signature is wrong."),
        ),
        (ServerCall("jwks", "GET http://auth-server:9000/.well-known/jwks.json", "200", 0.0125, 1),),
    )


def test_a_note_is_no_check() -> None:
    checks, _ = parse('request,note;dur=0.01;desc="ignored: scopes; did you mean scope?",credentials')
    assert checks == (Check("request", 0, None), Check("credentials", 0, None))


def test_returns_why_a_call_failed() -> None:
    (_, (call,)) = parse('call.introspection;desc="POST http://a/introspect timed out after 3 s"')
    assert (call.request, call.answer) == ("POST http://a/introspect", "timed out after 3 s")


@given(reason=TEXT)
def test_reads_any_reason_that_a_quoted_string_can_hold(reason: str) -> None:
    assert parse(f"a;desc={quoted(reason)},b")[0] == (Check("a", 0, reason), Check("b", 0, None))


@pytest.mark.parametrize("header", ["", ",", ";", "=", '"', "a b", 'a;desc="open', "a;dur=1;"])
def test_ignores_what_is_not_a_metric(header: str) -> None:
    assert parse(header) == ((), ())


@pytest.mark.parametrize("duration", ["x", "-1", "1e9", "1" * 10, "."])
def test_a_duration_that_is_not_a_number_counts_as_zero(duration: str) -> None:
    assert parse(f"a;dur={duration}")[0] == (Check("a", 0, None),)


@given(header=st.text(max_size=200))
def test_reads_any_header_without_an_error(header: str) -> None:
    checks, calls = parse(header)
    assert all(call.after <= len(checks) for call in calls)
