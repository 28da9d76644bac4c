"""The file of cases is well formed. The end-to-end tests show that each case is true."""

import re

import pytest
from calling_service.runs.case import CaseReport, Outcome
from flow_explorer.gallery.case import Ask, Call, Case, Read, gallery

CASES = pytest.mark.parametrize("case", gallery().values(), ids=gallery())
REQUIRED = {
    *("wrong-secret", "unknown-client", "disabled-client", "secret-in-the-query", "two-credentials"),
    *("two-secrets", "private-key-jwt", "replayed-assertion", "wrong-grant-type", "missing-audience"),
    *("unknown-audience", "ungranted-audience", "ungranted-scope", "action-denies", "action-adds-a-claim"),
    *("federated-token", "federated-other-audience", "federated-other-subject", "federated-expired"),
    "federated-unknown-issuer",
    *("no-token", "token-in-the-query", "tampered-payload", "alg-none", "public-key-as-secret"),
    *("another-issuer", "assertion-as-token", "another-audience", "scope-too-small", "expired-token"),
    *("stolen-bearer-token", "bound-token", "stolen-bound-token", "bound-token-as-bearer"),
    *("proof-by-another-key", "proof-used-twice", "proof-for-another-url", "proof-for-another-method"),
    *("proof-for-another-token", "old-proof", "bearer-token-as-bound"),
    *("certificate-bound-token", "another-certificate", "certificate-elsewhere"),
    *("revoked-token", "revoked-token-asked-about", "cached-token", "same-batch-twice", "one-bad-entry"),
}


def test_every_required_case_exists() -> None:
    assert set(gallery()) == REQUIRED


def test_cases_of_a_group_stand_together() -> None:
    groups = [case.group for case in gallery().values()]
    assert [group for before, group in zip(["", *groups], groups, strict=False) if group != before] == list(
        dict.fromkeys(groups)
    )


@CASES
def test_describes_what_it_changes_and_teaches_in_sentences(case: Case) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", case.id)
    assert re.fullmatch(r"RFC \d{4} \d+(\.\d+)*", case.rfc)
    assert case.changes.endswith(".")
    assert case.teaches.endswith(".")


@CASES
def test_has_no_host_and_only_calls_that_change_nothing_or_are_undone(case: Case) -> None:
    for step in case.steps:
        match step:
            case Call(call=call):
                assert re.fullmatch(r"(GET|POST) /[a-z/]+(\?limit=1)?", call)
                assert case.cleans_up or call.startswith("GET ") or (case.expected.status or 0) >= 400
            case Read(read=path):
                assert path == "/.well-known/jwks.json"
            case Ask(parameters=parameters):
                assert parameters.keys() <= {"grant_type", "audience", "scope"}


def test_reports_what_is_expected_and_whether_the_answer_was() -> None:
    case = gallery()["wrong-secret"]
    expected = {"status": 401, "error": "invalid_client", "check": "credentials"}
    told = case.report().as_json()
    assert told == {
        "id": "wrong-secret",
        "title": case.title,
        "teaches": case.teaches,
        "changes": case.changes,
        "rfc": "RFC 6749 5.2",
        "expected": expected,
        "answered": None,
        "as_expected": None,
    }
    came = case.report(Outcome(401, "invalid_client", "credentials"))
    assert came.as_json() == told | {"answered": expected, "as_expected": True}
    assert CaseReport.from_json(came.as_json()) == came
    for other in (
        Outcome(400, "invalid_client", "credentials"),
        Outcome(401, None, "credentials"),
        Outcome(401, "invalid_client", "request"),
    ):
        assert case.report(other).as_json()["as_expected"] is False
