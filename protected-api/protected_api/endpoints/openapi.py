"""Describe an app as OpenAPI 3.1: its routes, their scopes, and the types that `@operation` declares."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

from flask import Flask
from pydantic import TypeAdapter
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Rule

from protected_api.timesheets.answers import Problem, RefusedEntries, RefusedToken

View = TypeVar("View", bound=Callable[..., Any])
Schema = dict[str, Any]
REFUSED = ((400, RefusedToken), (401, RefusedToken), (401, Problem), (403, RefusedToken), (503, Problem))
UNREADABLE_QUERY = ((400, Problem),)
UNREADABLE_BODY = ((400, Problem), (413, Problem), (415, Problem))
PROBLEMS = (Problem, RefusedEntries)
HEADERS = {201: "Location", 401: "WWW-Authenticate", 403: "WWW-Authenticate", 503: "Retry-After"}
FLOW = "client_credentials"


@dataclass(frozen=True, slots=True)
class operation:  # noqa: N801  (a decorator)
    """Declares at a view the types of its JSON: of its answers by status, its body, its query.

    The type of an answer without a body is None. The first line of the view's docstring is the summary.
    """

    answers: Mapping[int, Any]
    body: Any = None
    query: Any = None

    def __call__(self, view: View) -> View:
        """Return the view, with this operation attached."""
        view.operation = self  # type: ignore[attr-defined]
        return view


def describe(app: Flask, *, title: str, issuer: str, server: str) -> Schema:
    """Return the OpenAPI Object of an app at this server; it leaves out views without an operation."""
    definitions: Schema = {}
    paths: Schema = {}
    scopes: dict[str, list[str]] = {}
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        if not hasattr(view, "operation"):
            continue
        path = re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
        [method] = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        described = _operation(rule, view, definitions)
        methods = paths.setdefault(path, {})
        methods[method.lower()] = described
        if hasattr(view, "required_scope"):
            summaries = scopes.setdefault(view.required_scope, [])
            summaries.append(described["summary"])
    allowed = {scope: ", ".join(summaries) for scope, summaries in scopes.items()}
    flow = {"tokenUrl": f"{issuer.rstrip('/')}/oauth/token", "scopes": allowed}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "0"},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {FLOW: {"type": "oauth2", "flows": {"clientCredentials": flow}}},
        },
    }


def _operation(rule: Rule, view: Any, definitions: Schema) -> Schema:
    declared: operation = view.operation
    scope = getattr(view, "required_scope", None)
    summary, _, _ = str(view.__doc__).partition("\n")
    described: Schema = {
        "operationId": rule.endpoint,
        "summary": summary.rstrip("."),
        "security": [{FLOW: [scope]}] if scope else [],
        "parameters": [*_path_parameters(rule), *_query_parameters(declared.query)],
        "responses": _responses(declared, scope, definitions),
    }
    if declared.body:
        schema = _schema(declared.body, definitions)
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _path_parameters(rule: Rule) -> Iterator[Schema]:
    converters: Any = rule.map.converters  # each of ours has a schema (app.py)
    for converter, name in re.findall("<([a-z]+):([a-z_]+)>", rule.rule):
        yield {"name": name, "in": "path", "required": True, "schema": converters[converter].schema}


def _query_parameters(query: Any) -> Iterator[Schema]:
    if query:
        for name, schema in TypeAdapter(query).json_schema()["properties"].items():
            if schema["default"] is None:  # the parameter is absent then, not null
                del schema["default"]
            yield {"name": name, "in": "query", "schema": schema}


def _responses(declared: operation, scope: str | None, definitions: Schema) -> Schema:
    answers = list(declared.answers.items())
    if scope:
        answers += REFUSED
    if declared.body:
        answers += UNREADABLE_BODY
    if declared.query:
        answers += UNREADABLE_QUERY
    responses: Schema = {}
    for status, kind in sorted(answers, key=itemgetter(0)):
        response = responses.setdefault(str(status), {"description": HTTP_STATUS_CODES[status]})
        if status in HEADERS:
            response["headers"] = {HEADERS[status]: {"schema": {"type": "string"}}}
        if kind:
            media_type = "application/problem+json" if kind in PROBLEMS else "application/json"
            content = response.setdefault("content", {})
            content[media_type] = {"schema": _schema(kind, definitions)}
    return responses


def _schema(kind: Any, definitions: Schema) -> Any:
    # Pydantic defines a type that has a name, and refers to it, only within another type.
    schema = TypeAdapter(list[kind]).json_schema(ref_template="#/components/schemas/{model}")
    definitions |= schema.get("$defs", {})
    return schema["items"]
