"""Describe an app as OpenAPI 3.1: its routes, their scopes, and the types that views name (operation.py)."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

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


class _Route(NamedTuple):
    rule: Rule
    view: Callable[..., Any]
    operation: Operation

    @property
    def path(self) -> str:
        return re.sub("<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", self.rule.rule)

    @property
    def method(self) -> str:
        [method] = (self.rule.methods or set()) - {"HEAD", "OPTIONS"}
        return method.lower()

    @property
    def scope(self) -> str | None:
        return getattr(self.view, "required_scope", None)

    @property
    def summary(self) -> str:
        return str(self.view.__doc__).partition("\n")[0].rstrip(".")

    @property
    def answers(self) -> list[tuple[int, Any]]:
        """List status and type of each answer that the route may give; no type where there is no body."""
        refused = REFUSED if self.scope else ()
        body = UNREADABLE_BODY if self.operation.body else ()
        query = UNREADABLE_QUERY if self.operation.query else ()
        answers = (*self.operation.answers.items(), *refused, *body, *query)
        return sorted(answers, key=lambda answer: answer[0])

    @property
    def types(self) -> list[Any]:
        """List the types of the body and of the answers."""
        kinds = (self.operation.body, *(kind for _, kind in self.answers))
        return [kind for kind in kinds if kind]

    def described(self, converters: Mapping[str, Any], schema: Callable[[Any], Schema]) -> Schema:
        """Return the Operation Object."""
        described: Schema = {
            "operationId": self.rule.endpoint,
            "summary": self.summary,
            "security": [{FLOW: [self.scope]}] if self.scope else [],
            "parameters": [*self._in_path(converters), *self._in_query()],
            "responses": self._responses(schema),
        }
        if body := self.operation.body:
            content = {"application/json": {"schema": schema(body)}}
            described["requestBody"] = {"required": True, "content": content}
        return described

    def _in_path(self, converters: Mapping[str, Any]) -> list[Schema]:
        found = re.findall("<([a-z]+):([a-z_]+)>", self.rule.rule)
        return [
            {"name": name, "in": "path", "required": True, "schema": converters[converter].schema}
            for converter, name in found
        ]

    def _in_query(self) -> list[Schema]:
        if not (query := self.operation.query):
            return []
        members = TypeAdapter(query).json_schema()["properties"]
        for member in members.values():
            if member["default"] is None:  # absent, not null
                del member["default"]
        return [{"name": name, "in": "query", "schema": member} for name, member in members.items()]

    def _responses(self, schema: Callable[[Any], Schema]) -> Schema:
        responses: Schema = {}
        for status, kind in self.answers:
            response = responses.setdefault(str(status), {"description": HTTP_STATUS_CODES[status]})
            if header := HEADERS.get(status):
                response["headers"] = {header: {"schema": {"type": "string"}}}
            if kind:
                media_type = "application/problem+json" if kind in PROBLEMS else "application/json"
                response.setdefault("content", {})[media_type] = {"schema": schema(kind)}
        return responses


def describe(app: Flask, *, title: str, issuer: str, audience: str) -> Schema:
    """Return the OpenAPI Object of an app; views without an operation are not in it."""
    routes = [
        _Route(rule, view, view.operation)
        for rule in app.url_map.iter_rules()
        if hasattr(view := app.view_functions[rule.endpoint], "operation")
    ]
    kinds = dict.fromkeys(kind for route in routes for kind in route.types)
    schemas, definitions = TypeAdapter.json_schemas(
        [(kind, "validation", TypeAdapter(kind)) for kind in kinds],
        ref_template="#/components/schemas/{model}",
    )
    paths: Schema = {}
    scopes: dict[str, str] = {}
    for route in routes:
        described = route.described(app.url_map.converters, lambda kind: schemas[kind, "validation"])
        paths.setdefault(route.path, {})[route.method] = described
        if scope := route.scope:
            scopes[scope] = ", ".join(filter(None, (scopes.get(scope), route.summary)))
    flow = {"tokenUrl": f"{issuer.rstrip('/')}/oauth/token", "scopes": scopes}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "0"},
        "servers": [{"url": audience}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {FLOW: {"type": "oauth2", "flows": {"clientCredentials": flow}}},
        },
    }
