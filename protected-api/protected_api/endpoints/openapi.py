"""Describe an app as OpenAPI 3.1: its routes, their scopes, and the types that views name (operation.py)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from pydantic import TypeAdapter
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Rule

from protected_api.endpoints.operation import Operation
from protected_api.timesheets.answers import Problem, RefusedEntries, RefusedToken

Schema = dict[str, Any]
REFUSED = ((400, RefusedToken), (401, RefusedToken), (401, Problem), (403, RefusedToken), (503, Problem))
UNREADABLE_QUERY = ((400, Problem),)
UNREADABLE_BODY = ((400, Problem), (413, Problem), (415, Problem))
PROBLEMS = (Problem, RefusedEntries)
HEADERS = {201: "Location", 401: "WWW-Authenticate", 403: "WWW-Authenticate", 503: "Retry-After"}
FLOW = "client_credentials"


@dataclass(frozen=True, slots=True)
class _Route:
    rule: Rule
    operation: Operation
    summary: str
    scope: str | None

    @property
    def answers(self) -> list[tuple[int, Any]]:
        """The status and type of each answer that the route may give; the type is None without a body."""
        answers = list(self.operation.answers.items())
        if self.scope:
            answers += REFUSED
        if self.operation.body:
            answers += UNREADABLE_BODY
        if self.operation.query:
            answers += UNREADABLE_QUERY
        return sorted(answers, key=lambda answer: answer[0])


def describe(app: Flask, *, title: str, issuer: str, audience: str) -> Schema:
    """Return the OpenAPI Object of an app; it leaves out views without an operation."""
    definitions: Schema = {}
    paths: Schema = {}
    scopes: dict[str, list[str]] = {}
    for route in _routes(app):
        path = re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", route.rule.rule)
        [method] = (route.rule.methods or set()) - {"HEAD", "OPTIONS"}
        methods = paths.setdefault(path, {})
        methods[method.lower()] = _operation(route, definitions)
        if route.scope:
            summaries = scopes.setdefault(route.scope, [])
            summaries.append(route.summary)
    allowed = {scope: ", ".join(summaries) for scope, summaries in scopes.items()}
    flow = {"tokenUrl": f"{issuer.rstrip('/')}/oauth/token", "scopes": allowed}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "0"},
        "servers": [{"url": audience}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {FLOW: {"type": "oauth2", "flows": {"clientCredentials": flow}}},
        },
    }


def _routes(app: Flask) -> Iterator[_Route]:
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if hasattr(view, "operation"):
            summary, _, _ = str(view.__doc__).partition("\n")
            yield _Route(rule, view.operation, summary.rstrip("."), getattr(view, "required_scope", None))


def _schema(kind: Any, definitions: Schema) -> Schema:
    # Pydantic defines a type that has a name, and refers to it, only within another type.
    schema = TypeAdapter(list[kind]).json_schema(ref_template="#/components/schemas/{model}")
    definitions |= schema.get("$defs", {})
    items: Schema = schema["items"]
    return items


def _operation(route: _Route, definitions: Schema) -> Schema:
    described: Schema = {
        "operationId": route.rule.endpoint,
        "summary": route.summary,
        "security": [{FLOW: [route.scope]}] if route.scope else [],
        "parameters": [*_path_parameters(route.rule), *_query_parameters(route.operation.query)],
        "responses": _responses(route, definitions),
    }
    if route.operation.body:
        schema = _schema(route.operation.body, definitions)
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


def _responses(route: _Route, definitions: Schema) -> Schema:
    responses: Schema = {}
    for status, kind in route.answers:
        response = responses.setdefault(str(status), {"description": HTTP_STATUS_CODES[status]})
        if status in HEADERS:
            response["headers"] = {HEADERS[status]: {"schema": {"type": "string"}}}
        if kind:
            media_type = "application/problem+json" if kind in PROBLEMS else "application/json"
            content = response.setdefault("content", {})
            content[media_type] = {"schema": _schema(kind, definitions)}
    return responses
