"""The list of credentials, for people and for programs."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from auth_server.clients.listing import list_credentials
from auth_server.clients.secret_digests import read_digest
from auth_server.command_output import as_time
from auth_server.database.tables import federated_subjects, secret_uses
from auth_server.startup import Service
from flask import Flask
from sqlalchemy import insert
from werkzeug.test import TestResponse

pytestmark = pytest.mark.databases("sqlite", "postgresql")

Ask = Callable[..., TestResponse]
RS = {"audience": "https://rs.example"}


def test_lists_when_each_secret_was_last_used(ask: Ask, app: Flask, tmp_path: Path) -> None:
    ask(RS, auth=("many", "many-next-secret"))
    ask(RS, auth=("many", "wrong"))
    (tmp_path / "none.sha256").unlink()
    runner = app.test_cli_runner()
    listed = json.loads(runner.invoke(args=["clients", "list", "--json"]).output)
    many = {one["file"]: one for one in listed if one["client_id"] == "many"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", many["many.next.sha256"].pop("last_used"))
    assert many["many.sha256"] == {
        "client_id": "many",
        "enabled": True,
        "kind": "secret",
        "file": "many.sha256",
        "first_used": None,
        "last_used": None,
        "only_one_used_since": None,
        "problem": None,
    }
    table = runner.invoke(args=["clients", "list"]).output.splitlines()
    assert re.fullmatch("CLIENT +ENABLED +CREDENTIAL +LAST USED +ONLY ONE USED SINCE", table[0])
    assert re.search(r"^many +yes +many\.sha256 +never +-$", "\n".join(table), re.MULTILINE)
    assert re.search(
        r"^many +yes +many\.next\.sha256 +\d{4}-\S+Z +\d{4}-\S+Z$", "\n".join(table), re.MULTILINE
    )
    assert re.search(r"^bot-off +no +bot\.json +- +-$", "\n".join(table), re.MULTILINE)
    assert re.search(r"^none +yes +none\.sha256 +cannot be read", "\n".join(table), re.MULTILINE)


def test_lists_a_federated_client_by_its_issuer_and_subject(app: Flask, service: Service) -> None:
    row = {"issuer": "https://platform.example", "subject": "job-1", "client_id": "job"}
    with service.engine.begin() as connection:
        connection.execute(insert(federated_subjects).values(row))
    runner = app.test_cli_runner()
    listed = json.loads(runner.invoke(args=["clients", "list", "--json"]).output)
    kinds = [(one["kind"], one["file"]) for one in listed if one["client_id"] == "job"]
    assert kinds == [("federated", "job-1 of https://platform.example"), ("secret", "job.sha256")]
    table = runner.invoke(args=["clients", "list"]).output
    assert re.search(r"^job +yes +job-1 of https://platform\.example +- +-$", table, re.MULTILINE)


OLD, NEW = "many.sha256", "many.next.sha256"
Use = tuple[int | None, int]  # the first and the last use, in hours

ROTATIONS: dict[str, tuple[dict[str, Use], dict[str, str | None]]] = {
    "neither was ever used": ({}, {OLD: None, NEW: None}),
    "the new one is not used yet": ({OLD: (1, 50)}, {OLD: "01:00", NEW: None}),
    "the new one took over at once": ({OLD: (1, 3), NEW: (27, 27)}, {OLD: None, NEW: "27:00"}),
    "another instance went on with the old one": ({OLD: (1, 29), NEW: (27, 30)}, {OLD: None, NEW: "29:01"}),
    "both are used": ({OLD: (1, 30), NEW: (27, 30)}, {OLD: None, NEW: None}),
    "the old one is used after the new one": ({OLD: (1, 31), NEW: (27, 27)}, {OLD: "27:01", NEW: None}),
    "the old one was never used": ({NEW: (27, 30)}, {OLD: None, NEW: "27:00"}),
    "an earlier version recorded the old one": ({OLD: (None, 3), NEW: (27, 27)}, {OLD: None, NEW: "27:00"}),
    "an earlier version recorded both": ({OLD: (None, 3), NEW: (None, 27)}, {OLD: None, NEW: "03:01"}),
    "an earlier version recorded one": ({OLD: (None, 3)}, {OLD: None, NEW: None}),
}


@pytest.mark.parametrize("case", ROTATIONS)
def test_says_since_when_only_one_of_two_secrets_is_used(service: Service, tmp_path: Path, case: str) -> None:
    """The operator waits for a whole cycle of the client after that, and then takes the other one away."""
    uses, expected = ROTATIONS[case]
    with service.engine.begin() as connection:
        for file, (first, last) in uses.items():
            times = {"first_used": first and first * 3600, "last_used": last * 3600}
            row = {"client_id": "many", "secret_digest": read_digest(tmp_path / file)}
            connection.execute(insert(secret_uses).values(row | times))
    listed = list(list_credentials(service.engine, tmp_path))
    since = {one["file"]: one["only_one_used_since"] for one in listed if one["client_id"] == "many"}
    assert since == {file: time and as_time(seconds(time)) for file, time in expected.items()}
    assert {one["only_one_used_since"] for one in listed if one["client_id"] != "many"} == {None}


def seconds(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def test_does_not_know_about_a_secret_whose_digest_cannot_be_read(
    ask: Ask, service: Service, tmp_path: Path
) -> None:
    ask(RS, auth=("many", "many-next-secret"))
    (tmp_path / OLD).unlink()
    listed = list(list_credentials(service.engine, tmp_path))
    assert {one["only_one_used_since"] for one in listed} == {None}
