"""The log is JSON lines, and libraries do not print what passes through them."""

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config  # type: ignore[import-untyped]
from protected_api.logs import GunicornLogger, JsonLines, tracing, write_line

Lines = Callable[[], list[dict[str, Any]]]


def test_keeps_other_loggers_at_warning_at_every_level(debug_log_lines: Lines) -> None:
    for name in ("urllib3.connectionpool", "werkzeug", "anything"):
        logging.getLogger(name).debug("Bearer token")
        logging.getLogger(name).info("Bearer token")
    logging.getLogger("anything").warning("seen")
    logging.getLogger("protected_api.x").debug("seen too", extra={"answer": 42})
    assert [(line["message"], line.get("answer")) for line in debug_log_lines()] == [
        ("seen", None),
        ("seen too", 42),
    ]


def fail(logger: GunicornLogger) -> None:
    try:
        Path("/missing").open()  # noqa: SIM115
    except OSError:
        logger.exception("Error handling request %s %s", "GET", "/timesheets?access_token=x")


def test_logs_gunicorns_messages_without_what_they_quote(log_lines: Lines) -> None:
    config = Config()
    config.set("loglevel", "debug")
    logger = GunicornLogger(config)
    logger.debug("Ignored premature client disconnection. %s", "No more data after: b'Bearer x'")
    logger.info("Booting worker with pid: %s", 7)
    logger.warning("Invalid request from ip=127.0.0.1: Invalid HTTP request line: 'GET /?access_token=x'")
    logger.warning("other: %s", "warning")
    fail(logger)
    lines = log_lines()
    assert [line["message"] for line in lines] == [
        "Booting worker with pid: 7",
        "Invalid request from ip=127.0.0.1",
        "other: warning",
        "Error handling request GET /timesheets",
    ]
    assert "FileNotFoundError" in lines[3]["exception"]


def test_a_failing_log_does_not_fail_the_request(log_lines: Lines) -> None:
    JsonLines().handle(logging.makeLogRecord({"msg": "%d", "args": ("no number",)}))
    assert log_lines() == []


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
