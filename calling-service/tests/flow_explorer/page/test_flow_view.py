from datetime import UTC, datetime
from typing import Any

from flow_explorer.page.flow_view import FlowView, view
from flow_explorer.recorded_run import RecordedRun
from recording.exchange import DecodedToken
from recording.server_timing import Check, ServerCall

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TOKEN = DecodedToken({"typ": "at+jwt"}, {"exp": 1795521660})
CHECKS = (Check("size", 0.001, None), Check("typ", 0.002, "The token is not of type at+jwt."))


def opened(run: RecordedRun, step: str | None = None) -> FlowView:
    shown = view(run, step, NOW)
    assert shown
    return shown


def test_a_run_without_messages_shows_only_its_participants(recorded: Any) -> None:
    shown = opened(recorded())
    assert (shown.pane, shown.position, shown.previous, shown.next) == (None, 0, None, None)
    assert view(recorded(), "1-request", NOW) is None


def test_opens_the_first_item_and_leads_to_the_next(exchange: Any, recorded: Any) -> None:
    shown = opened(recorded(exchange()))
    assert shown.pane
    assert (shown.pane.item.id, shown.position) == ("1-request", 1)
    assert (shown.previous, shown.next) == (None, "1-response")
    last = opened(recorded(exchange()), "1-response")
    assert (last.position, last.previous, last.next) == (2, "1-request", None)


def test_opens_the_first_refusal_unless_asked_for_another_item(exchange: Any, recorded: Any) -> None:
    run = recorded(exchange(), exchange(status=401, checks=CHECKS))
    assert opened(run).pane.item.id == "2-checks"  # type: ignore[union-attr]
    assert opened(run, "1-request").pane.item.id == "1-request"  # type: ignore[union-attr]
    assert view(run, "3-request", NOW) is None
    assert view(run, "1-checks", NOW) is None


def test_opens_each_of_the_exchanges_that_share_an_arrow(exchange: Any, recorded: Any) -> None:
    run = recorded(exchange(), exchange(request_body="second", elapsed=0.5))
    pane = opened(run, "2-request").pane
    assert pane
    assert (pane.item.id, pane.alike) == ("2-request", ["1-request", "2-request"])
    assert pane.lines[-1].before == "second"
    assert opened(run, "2-request").position == 1
    assert opened(run, "2-response").pane.item.seconds == 0.5  # type: ignore[union-attr]


def test_an_opened_message_has_its_lines_and_its_token(exchange: Any, recorded: Any) -> None:
    run = recorded(exchange(request_token=TOKEN, checks=CHECKS, failed_before=("503",)))
    pane = opened(run, "1-request").pane
    assert pane
    assert (pane.title, pane.url) == ("The job calls", "http://localhost:9001/upload")
    assert [(claim.name, claim.state) for claim in pane.claims] == [("typ", "refused"), ("exp", "decoded")]
    assert (pane.shortened, pane.failed_before) == (None, ())
    answer = opened(run, "1-response").pane
    assert answer
    assert (answer.title, answer.claims, answer.failed_before) == ("200 OK", (), ("503",))


def test_an_opened_answer_shows_what_the_api_has_verified_of_its_token_since(
    exchange: Any, recorded: Any
) -> None:
    passed = (Check("remembered", 0.001, None),)
    run = recorded(exchange(response_token=TOKEN), exchange(request_token=TOKEN, checks=passed))
    pane = opened(run, "1-response").pane
    assert pane
    assert {claim.state for claim in pane.claims} == {"verified"}


def test_an_opened_message_shows_what_its_proof_says(exchange: Any, recorded: Any) -> None:
    proof = DecodedToken({"typ": "dpop+jwt"}, {"htm": "POST"})
    pane = opened(recorded(exchange(request_proof=proof, checks=(Check("proof", 0.001, None),)))).pane
    assert pane
    assert [(claim.name, claim.state) for claim in pane.proof] == [("typ", "verified"), ("htm", "verified")]
    assert pane.claims == ()


def test_a_shortened_body_shows_its_size(exchange: Any, recorded: Any) -> None:
    run = recorded(exchange(request_body="x", request_body_shortened=True, request_body_size=9000))
    assert opened(run).pane.shortened == 9000  # type: ignore[union-attr]


def test_opened_checks_have_their_meanings_and_what_was_asked_and_answered(
    exchange: Any, recorded: Any
) -> None:
    run = recorded(exchange(status=401, checks=CHECKS, response_body='{"error": "invalid_token"}'))
    pane = opened(run, "1-checks").pane
    assert pane
    assert pane.asked == [("refused", [("error", "invalid_token")])]
    assert [(check.name, check.duration, check.reason) for check, _ in pane.checks] == [
        ("size", 0.001, None),
        ("typ", 0.002, "The token is not of type at+jwt."),
    ]
    assert all(meaning for _, meaning in pane.checks)
    assert pane.keys is None


def test_an_opened_cached_token_shows_the_token(exchange: Any, recorded: Any) -> None:
    pane = opened(recorded(exchange(request_token=TOKEN)), "1-cached").pane
    assert pane
    assert [claim.name for claim in pane.claims] == ["typ", "exp"]
    assert pane.item.seconds == 60


def test_an_opened_call_of_the_server_names_its_address(exchange: Any, recorded: Any) -> None:
    call = ServerCall("jwks", "GET http://as/jwks", "200", 0.1, 0)
    pane = opened(recorded(exchange(calls=(call,))), "1-call-1").pane
    assert pane
    assert (pane.url, pane.title) == ("GET http://as/jwks", "GET /jwks → 200")


def test_an_opened_gap_has_a_title_alone(exchange: Any, recorded: Any) -> None:
    pane = opened(recorded(exchange(), exchange(), omitted=3), "2-omitted").pane
    assert pane
    assert (pane.title, pane.lines, pane.claims) == ("3 more exchanges are not kept", (), ())


def test_an_item_without_a_message_has_no_lines(exchange: Any, recorded: Any) -> None:
    call = ServerCall("jwks", "GET /jwks", "200", 0.1, 0)
    run = recorded(exchange(status=None, calls=(call,)))
    for step in ("1-call-1", "1-response"):
        pane = opened(run, step).pane
        assert pane
        assert (pane.lines, pane.claims, pane.checks) == ((), (), ())
