"""Log lines are JSON; gunicorn's too, without what it quotes of requests."""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from auth_server.logs import GunicornLogger, JsonLines, tracing, write_line
from gunicorn.config import Config  # type: ignore[import-untyped]

LogLines = Callable[[], list[dict[str, Any]]]


def test_a_record_that_cannot_be_written_raises_nothing(log_lines: LogLines) -> None:
    JsonLines().handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    assert log_lines() == []


def test_gunicorn_logs_our_lines_and_quotes_no_request(capfd: pytest.CaptureFixture[str]) -> None:
    logger = GunicornLogger(Config())
    logger.debug("No more data after: b'Authorization: Basic c2VjcmV0'")
    logger.info("Booting")
    logger.warning("Invalid request from ip=::1: Invalid HTTP Header: 'AUTHORIZATION : c2VjcmV0'")
    logger.warning("Worker %s", 1)
    try:
        int("x")
    except ValueError:
        logger.exception("Error handling request %s %s", "POST", "/oauth/token?client_secret=c2VjcmV0")
        logger.exception("Exception in %s", "worker")
    out = capfd.readouterr().out
    assert "c2VjcmV0" not in out
    assert [json.loads(line)["message"] for line in out.splitlines()] == [
        "Booting",
        "Invalid request from ip=::1",
        "Worker 1",
        "Error handling request POST /oauth/token",
        "Exception in worker",
    ]
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize("log", [GunicornLogger.exception, GunicornLogger.warning])
def test_gunicorn_may_log_an_exception_as_the_message(
    capfd: pytest.CaptureFixture[str], log: Callable[..., None]
) -> None:
    log(GunicornLogger(Config()), SyntaxError("invalid syntax"))
    assert json.loads(capfd.readouterr().out)["message"] == "invalid syntax"
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize("value", ["\x9b31m", "ü", "\udc80", 2**64])
def test_a_line_is_ascii_whatever_its_values(capfd: pytest.CaptureFixture[str], value: object) -> None:
    write_line(0, "INFO", "x", "done", {"value": value})
    line = capfd.readouterr().out
    assert line.isascii()
    assert json.loads(line)["value"] == value


def test_a_line_shows_of_an_object_what_its_representation_shows(capfd: pytest.CaptureFixture[str]) -> None:
    write_line(0, "INFO", "x", "done", {"value": Credential("hidden")})
    assert json.loads(capfd.readouterr().out)["value"].endswith("Credential()")


@dataclass
class Credential:
    """A value that its representation hides."""

    secret: str = field(repr=False)


def test_a_reader_that_is_gone_fails_no_request() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    write_line(0, "INFO", "x", "seen", {}, descriptor=writer)
    os.close(writer)


def test_a_line_within_a_trace_has_its_id(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("wb") as log, tracing("0af7651916cd43dd8448eb211c80319c"):
        write_line(0, "INFO", "x", "seen", {}, descriptor=log.fileno())
    assert json.loads(file.read_text())["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
