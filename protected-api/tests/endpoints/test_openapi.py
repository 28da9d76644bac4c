"""The API's description is OpenAPI 3.1, names the scope of each route, and is true of the answers."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from protected_api.app import create_app
from protected_api.settings import Settings
from protected_api.sqlite.database import SqliteDatabase
from protected_api.timesheets.models import Entry
from protected_api.timesheets.store import TimesheetStore

Bearer = Callable[..., dict[str, str]]

APP = create_app(Settings("http://localhost:9000/", "http://localhost:9001", "not opened"))
DESCRIPTION = json.loads(APP.test_client().get("/openapi.json").text)
[FLOW] = DESCRIPTION["components"]["securitySchemes"]["client_credentials"]["flows"].values()
# No schema can express why 404, 409 and 422 are right: an unknown id, an approved timesheet, a conflict.
EXPECTED = {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]}}
schema = schemathesis.openapi.from_dict(
    DESCRIPTION, config=schemathesis.Config.from_dict({"checks": EXPECTED})
)


@pytest.fixture
def app(fresh_settings: Settings) -> Flask:
    """Return an API that has timesheet 1, which is approved, and timesheet 2."""
    values = {"user_id": "u1", "date": "2026-11-02", "project": "P", "hours": "1"}
    entries = [Entry.model_validate({"external_id": name, **values}) for name in ("e1", "e2")]
    store = TimesheetStore(SqliteDatabase(fresh_settings.database_file))
    store.book("job", None, dict(enumerate(entries)), dry_run=False)
    store.approve(1, "bot", "2026-11-03T00:00:00Z")
    app = create_app(fresh_settings)
    app.extensions["keys"].refresh()
    return app


def test_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DESCRIPTION).validate()


def test_serves_the_description_without_a_token(app: Flask, issuer: Any) -> None:
    served = app.test_client().get("/openapi.json")
    assert (served.status_code, served.content_type) == (200, "application/json")
    assert json.loads(served.text.replace(issuer.url, "http://localhost:9000")) == DESCRIPTION


def test_describes_every_route() -> None:
    routes = {str(rule).replace("<timesheet:", "{").replace(">", "}") for rule in APP.url_map.iter_rules()}
    assert routes == DESCRIPTION["paths"].keys()


def test_leaves_out_a_view_without_an_operation() -> None:
    app = create_app(Settings("http://localhost:9000", "http://localhost:9001", "not opened"))
    app.add_url_rule("/internal", view_func=lambda: "")
    description = app.test_client().get("/openapi.json").json
    assert description is not None
    assert description["paths"].keys() == DESCRIPTION["paths"].keys()


def test_names_the_scope_of_each_operation() -> None:
    demanded = {
        f"{method.upper()} {path}": operation["security"]
        for path, methods in DESCRIPTION["paths"].items()
        for method, operation in methods.items()
    }
    assert demanded == {
        "POST /timesheets/upload": [{"client_credentials": ["batch:upload"]}],
        "GET /timesheets": [{"client_credentials": ["read:timesheets"]}],
        "POST /timesheets": [{"client_credentials": ["create:timesheets"]}],
        "DELETE /timesheets/{timesheet_id}": [{"client_credentials": ["delete:timesheets"]}],
        "GET /approvals": [{"client_credentials": ["approve:timesheets"]}],
        "PUT /approvals/{timesheet_id}": [{"client_credentials": ["approve:timesheets"]}],
        "GET /.well-known/oauth-protected-resource": [],
        "GET /openapi.json": [],
        "GET /healthz": [],
        "GET /readyz": [],
    }


@pytest.mark.requirement("RFC 6749 3.3 documented")
def test_names_the_token_endpoint_and_what_each_scope_allows() -> None:
    assert DESCRIPTION["components"]["securitySchemes"] == {
        "client_credentials": {
            "type": "oauth2",
            "flows": {
                "clientCredentials": {
                    "tokenUrl": "http://localhost:9000/oauth/token",
                    "scopes": {
                        "batch:upload": "Book one entry or a batch, all or none, each once",
                        "create:timesheets": "Book one entry once",
                        "read:timesheets": "Read timesheets, in the order of booking",
                        "delete:timesheets": "Delete a timesheet that is not approved",
                        "approve:timesheets": "Read timesheets with their approvals, in the order of booking,"
                        " Approve a timesheet; what is approved stays as it is",
                    },
                }
            },
        }
    }


@pytest.mark.fuzz
@schema.parametrize()
@settings(
    max_examples=30,  # for each operation, besides those for its edges
    derandomize="FUZZ_SECONDS" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_answers_generated_requests_as_described(case: Any, app: Flask, bearer: Bearer) -> None:
    case.call_and_validate(app=app, headers=bearer(scope=" ".join(FLOW["scopes"])))


REFUSED: dict[str, tuple[int, Callable[[Any], list[tuple[str, str]]]]] = {
    "no token": (401, lambda _: []),
    "two headers": (400, lambda _: [("Authorization", "Bearer a"), ("Authorization", "Bearer a")]),
    "a bad token": (401, lambda issuer: [("Authorization", f"Bearer {issuer.token(aud='x')}")]),
    "no scope": (403, lambda issuer: [("Authorization", f"Bearer {issuer.token(scope='x')}")]),
}


@pytest.mark.requirement("RFC 9110 11.6.1 challenge")
@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize(("path", "method"), [(p, m) for p in DESCRIPTION["paths"] for m in schema[p]])
def test_refuses_as_described(
    shared_app: Flask, shared_issuer: Any, path: str, method: str, why: str
) -> None:
    status, headers = REFUSED[why]
    if not DESCRIPTION["paths"][path][method]["security"]:
        status = 200
    answer = shared_app.test_client().open(
        path.replace("{timesheet_id}", "1"), method=method, headers=headers(shared_issuer)
    )
    assert answer.status_code == status
    schema[path][method].validate_response(answer)


def test_answers_503_as_described(app: Flask, issuer: Any, bearer: Bearer) -> None:
    headers = bearer(scope="approve:timesheets")
    issuer.introspection = b""
    answer = app.test_client().get("/approvals", headers=headers)
    assert answer.status_code == 503
    schema["/approvals"]["get"].validate_response(answer)
    issuer.key_set = {"keys": []}
    app.extensions["keys"].refresh()
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    schema["/readyz"]["get"].validate_response(answer)
