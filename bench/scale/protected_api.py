"""Measure the Timesheets API, in a process with its settings."""

import itertools
import json
import os
from collections.abc import Mapping

from flask import Flask
from protected_api.app import create_app
from protected_api.settings import Settings

from bench.in_process import call
from bench.scale import tables
from bench.scale.comparison import SIZES, Environments, Requests, compare, compare_programs

START = ["-c", "import protected_api.wsgi"]
FEW = {"user_id": "Anna", "project": "Rare", "from": tables.LATE, "to": tables.EARLY, "approved": "true"}
MANY = {
    "user_id": "C-3",
    "project": "Project+7",
    "from": "2025-05-01",
    "to": "2025-12-31",
    "approved": "false",
}
NONE = [
    {"user_id": "C-3", "project": "Rare"},
    {"user_id": "C-3", "from": tables.LATE},
    {"user_id": "C-3", "approved": "true"},
    {"project": "Project+7", "from": tables.LATE},
    {"project": "Project+7", "approved": "true"},
]


def measure(folder: str, token: str) -> None:
    """Fill a small and a large database and print what everything costs; the token may do everything."""
    environments: Environments = {}
    for name, rows in SIZES.items():
        file = f"{folder}/api-{name}.db"
        tables.fill_protected_api(file, rows["timesheets"])
        environments[name] = {**os.environ, "DATABASE_FILE": file}
    compare_programs("Timesheets API, first start, which builds the indexes", START, environments)
    compare_programs("Timesheets API, start", START, environments)
    apps = [create_app(Settings.from_environ(environment)) for environment in environments.values()]
    for app in apps:
        app.extensions["keys"].refresh()
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    def read(path: str, filters: Mapping[str, str]) -> None:
        query = "&".join(f"{name}={value}" for name, value in filters.items())
        target = f"{path}?{query}"
        compare(f"GET {target}", (itertools.repeat(call(app, "GET", target, headers)) for app in apps))

    for filters in ({}, *_one_or_two(FEW), *_one_or_two(MANY), *NONE):
        read("/timesheets", filters)
    for approved in ("false", "true"):
        read("/approvals", {"approved": approved})
    compare("upload of 500", (_uploads(headers, app) for app in apps), calls=4)
    for filters in ({}, {"user_id": "C-3"}, {"project": "Project+7"}, {"from": "2025-05-01"}):
        _read_deep(filters, headers, apps)


def _one_or_two(filters: Mapping[str, str]) -> list[dict[str, str]]:
    items = filters.items()
    return [dict(chosen) for count in (1, 2) for chosen in itertools.combinations(items, count)]


def _read_deep(filters: Mapping[str, str], headers: dict[str, str], apps: list[Flask]) -> None:
    query = "".join(f"{name}={value}&" for name, value in filters.items())
    cursors = [rows["timesheets"] * 8 // 10 for rows in SIZES.values()]
    targets = [f"/timesheets?{query}cursor={cursor}" for cursor in cursors]
    calls = [call(app, "GET", target, headers) for app, target in zip(apps, targets, strict=True)]
    compare(f"GET /timesheets?{query}cursor=(four fifths of all)", map(itertools.repeat, calls))


def _uploads(headers: dict[str, str], app: Flask) -> Requests:
    for number in itertools.count():
        entries = [
            {
                "external_id": f"{number}-{each}",
                "user_id": f"C-{each}",
                "date": "2026-11-27",
                "project": f"Project {each % 50}",
                "hours": "7.25",
            }
            for each in range(500)
        ]
        body = json.dumps({"entries": entries}).encode()
        yield call(app, "POST", "/timesheets/upload", headers | {"CONTENT_TYPE": "application/json"}, body)
