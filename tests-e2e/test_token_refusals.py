"""What the authorization server refuses."""

import pytest
from live_stack import INVOICES, Stack


def test_wrong_secret_and_unknown_client_get_the_same_answer(stack: Stack) -> None:
    wrong = stack.ask_for_token("timesheets-import-job", secret="not-the-secret")
    unknown = stack.ask_for_token("nobody", secret="not-the-secret")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert wrong.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert unknown.content == wrong.content
    assert [name for name in unknown.headers if name != "Date"] == [
        name for name in wrong.headers if name != "Date"
    ]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"audience": "timesheets", "scope": "delete:timesheets"}, "invalid_scope"),
        ({"audience": INVOICES}, "invalid_target"),
        ({"resource": "https://nobody.example"}, "invalid_target"),
        ({"audience": "timesheets", "resource": INVOICES}, "invalid_target"),
        ({"audience": "timesheets", "grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_refuses_what_is_not_granted(stack: Stack, form: dict[str, str], error: str) -> None:
    if form.get("audience") == "timesheets":
        form = form | {"audience": stack.timesheets_api}
    refused = stack.ask_for_token("timesheets-import-job", **form)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert refused.headers["Cache-Control"] == "no-store"
