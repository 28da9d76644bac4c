"""The list of credentials, for people and for programs."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from werkzeug.test import TestResponse

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
        "last_used": None,
        "problem": None,
    }
    table = runner.invoke(args=["clients", "list"]).output.splitlines()
    assert re.fullmatch("CLIENT +ENABLED +CREDENTIAL +LAST USED", table[0])
    assert re.search(r"^many +yes +many\.sha256 +never$", "\n".join(table), re.MULTILINE)
    assert re.search(r"^many +yes +many\.next\.sha256 +\d{4}-\S+Z$", "\n".join(table), re.MULTILINE)
    assert re.search(r"^bot-off +no +bot\.json +-$", "\n".join(table), re.MULTILINE)
    assert re.search(r"^none +yes +none\.sha256 +cannot be read", "\n".join(table), re.MULTILINE)
