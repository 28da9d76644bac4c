"""The kinds of whole requests: what each sends, and the only answers that are right.

Not here: slow and broken requests (broken.py).
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from proof.soak.books import Books
from proof.soak.target import Answer, Connections, Request, Target

Judge = Callable[[Answer], bool]


@dataclass(frozen=True, slots=True)
class Caller:
    """What one thread needs to send requests."""

    target: Target
    connections: Connections
    books: Books
    random: random.Random

    def job_token(self) -> str:
        """Return a token of the import job, which may upload and read."""
        return self.target.token(self.connections, "timesheets-import-job", "batch:upload read:timesheets")

    def report_token(self) -> str:
        """Return a token that may only read."""
        return self.target.token(self.connections, "payroll-report", "read:timesheets")


Kind = Callable[[Caller], tuple[Request, Judge]]


def answers(status: int, **members: object) -> Judge:
    """Return a judge that demands a status and these members of the JSON body."""
    return lambda answer: (
        answer.status == status and all(answer.member(key) == value for key, value in members.items())
    )


def token(caller: Caller) -> tuple[Request, Judge]:
    """Ask for a token with the secret that the job has now."""
    request = caller.target.token_request("timesheets-import-job", scope="batch:upload")
    return request, answers(200, scope="batch:upload")


def token_by_json(caller: Caller) -> tuple[Request, Judge]:
    """Ask for a token with JSON."""
    stack = caller.target.stack
    body = {"grant_type": "client_credentials", "audience": stack.timesheets_api}
    body |= {"client_id": "payroll-report", "client_secret": stack.secret("payroll-report")}
    headers = {"Content-Type": "application/json"}
    request = Request("auth-server", "POST", "/oauth/token", headers, json.dumps(body))
    return request, answers(200, scope="read:timesheets")


def read(caller: Caller) -> tuple[Request, Judge]:
    """Read timesheets."""
    request = caller.target.api("GET", "/timesheets?limit=5", caller.report_token())
    return request, lambda answer: answer.status == 200 and isinstance(answer.member("timesheets"), list)


def upload(caller: Caller) -> tuple[Request, Judge]:
    """Book an entry of its own."""
    entry = caller.books.direct_entry()
    request = caller.target.api("POST", "/timesheets/upload", caller.job_token(), entry)

    def judge(answer: Answer) -> bool:
        if answer.status == 200:
            caller.books.confirm(entry)
        # A connection that breaks before the answer makes the caller send it again.
        return answers(200, booked=1, unchanged=0)(answer) or answers(200, booked=0, unchanged=1)(answer)

    return request, judge


def upload_again(caller: Caller) -> tuple[Request, Judge]:
    """Send an entry that is booked already."""
    entry = caller.books.confirmed_entry(caller.random)
    request = caller.target.api("POST", "/timesheets/upload", caller.job_token(), entry)
    return request, answers(200, booked=0, unchanged=1)


def introspect(caller: Caller) -> tuple[Request, Judge]:
    """Ask whether a good token is active."""
    request = caller.target.about_token("/oauth/introspect", "timesheets-api", caller.report_token())
    return request, answers(200, active=True, client_id="payroll-report")


def introspect_revoked(caller: Caller) -> tuple[Request, Judge]:
    """Revoke a token and ask whether it is active."""
    mine = caller.target.new_token(caller.connections, "timesheets-console", scope="read:timesheets")
    revoked = caller.connections.send(caller.target.about_token("/oauth/revoke", "timesheets-console", mine))
    if revoked.status != 200:
        raise OSError(f"not revoked: {revoked.status} {revoked.body}")
    request = caller.target.about_token("/oauth/introspect", "timesheets-api", mine)
    return request, lambda answer: (answer.status, answer.body.strip()) == (200, '{"active":false}')


def documents(caller: Caller) -> tuple[Request, Judge]:
    """Read what is public."""
    service, path = caller.random.choice(
        [
            ("auth-server", "/.well-known/jwks.json"),
            ("auth-server", "/.well-known/oauth-authorization-server"),
            ("protected-api", "/.well-known/oauth-protected-resource"),
            ("calling-service", "/runs"),
            ("calling-service", "/"),
        ]
    )
    return Request(service, "GET", path), lambda answer: answer.status == 200


def wrong_secret(caller: Caller) -> tuple[Request, Judge]:
    """Authenticate with a wrong secret; above the limit of failures this is a 429."""
    request = caller.target.token_request("timesheets-import-job", secret="x" * 43)
    return request, lambda answer: answer.status in (401, 429) and answer.member("error") == "invalid_client"


def refused_request(caller: Caller) -> tuple[Request, Judge]:
    """Ask for a token that is not granted, or badly."""
    target = caller.target
    good = target.token_request("payroll-report")
    headers = good.headers
    post = ("auth-server", "POST", "/oauth/token")
    return caller.random.choice(
        [
            (
                target.token_request("payroll-report", scope="batch:upload"),
                answers(400, error="invalid_scope"),
            ),
            (
                target.token_request("payroll-report", audience="https://x.example"),
                answers(400, error="invalid_target"),
            ),
            (
                target.token_request("payroll-report", grant_type="password"),
                answers(400, error="unsupported_grant_type"),
            ),
            (Request(*post, headers, good.body + "&grant_type=a"), answers(400, error="invalid_request")),
            (Request(*post, headers, "a" * 70_000), answers(413, error="invalid_request")),
            (
                Request(*post, {"Content-Type": "application/json"}, "{"),
                answers(400, error="invalid_request"),
            ),
        ]
    )


def refused_call(caller: Caller) -> tuple[Request, Judge]:
    """Call the API with a token that is none, is another's, or is not enough."""
    target = caller.target
    report = caller.report_token()
    other = target.token(
        caller.connections, "payroll-report", "read:invoices", audience="https://invoices.exampleco.example"
    )
    entry = caller.books.never_entry()
    job = caller.job_token()
    return caller.random.choice(
        [
            (Request("protected-api", "GET", "/timesheets"), answers(401)),
            (target.api("GET", "/timesheets", "not a token"), answers(400)),
            (target.api("GET", "/timesheets", report[:-8] + "AAAAAAAA"), answers(401)),
            (target.api("GET", "/timesheets", other), answers(401)),
            (target.api("POST", "/timesheets/upload", report, entry), answers(403)),
            (target.api("POST", "/timesheets/upload", job, entry | {"hours": "25"}), answers(422)),
            (target.api("POST", "/timesheets/upload", job, "{"), answers(422)),
            (target.api("GET", "/nothing", report), answers(404)),
        ]
    )


KINDS: dict[str, tuple[Kind, int]] = {  # with how often each is sent
    "good: a token by Basic": (token, 6),
    "good: a token by JSON": (token_by_json, 3),
    "good: a read": (read, 8),
    "good: an upload": (upload, 4),
    "good: the same upload again": (upload_again, 2),
    "good: an introspection": (introspect, 3),
    "good: a revocation": (introspect_revoked, 1),
    "good: a document or the page": (documents, 2),
    "bad: a wrong secret": (wrong_secret, 2),
    "bad: a token request": (refused_request, 4),
    "bad: a call of the API": (refused_call, 5),
}
