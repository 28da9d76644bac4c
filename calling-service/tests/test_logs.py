"""Logs: JSON lines with the trace id of the work at hand."""

import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from calling_service.logs import configure_logs, trace_id_of, tracing, write_line
from calling_service.service import LOGGED

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    for package in LOGGED:
        logging.getLogger(package).setLevel(logging.NOTSET)


@pytest.mark.usefixtures("_restored_logging")
def test_a_log_line_is_json_with_the_trace_and_no_locals(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("DEBUG", LOGGED)
    secret = "in a local value"
    with tracing(TRACE):
        try:
            int("x" * len(secret))
        except ValueError:
            logging.getLogger("calling_service.x").exception("oops %s", 1, extra={"run_id": "r"})
    logging.getLogger("urllib3").debug("a url with a query")
    (line,) = capfd.readouterr().out.splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert secret not in event["exception"]
    assert event.pop("exception").startswith("Traceback")
    assert event == {
        "level": "error",
        "service": "calling-service",
        "logger": "calling_service.x",
        "message": "oops 1",
        "trace_id": TRACE,
        "run_id": "r",
    }


@pytest.mark.usefixtures("_restored_logging")
def test_our_packages_log_from_the_level_up_and_libraries_from_warning_up() -> None:
    configure_logs("DEBUG", LOGGED)
    assert {logging.getLogger(name).getEffectiveLevel() for name in LOGGED} == {logging.DEBUG}
    assert logging.getLogger("urllib3").getEffectiveLevel() == logging.WARNING


@pytest.mark.usefixtures("_restored_logging")
def test_a_log_line_that_cannot_be_written_raises_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logs("INFO", LOGGED)
    logging.getLogger("calling_service").info("%d", "not a number")
    assert capfd.readouterr().out == ""


@pytest.mark.requirement("W3C Trace Context 3.2.2.3 trace-id")
@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        f"ff-{TRACE}-b7ad6b7169203331-01",
        f"00-{TRACE}-" + "0" * 16,
    ],
)
def test_a_traceparent_that_is_not_valid_is_replaced(header: str) -> None:
    assert trace_id_of(header) not in {TRACE, "0" * 32}
    assert len(trace_id_of(header)) == 32


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
