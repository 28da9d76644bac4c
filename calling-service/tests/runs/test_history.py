from datetime import UTC, datetime
from pathlib import Path

import pytest
from calling_service.database import prepare
from calling_service.runs.history import ENDS_KEPT, RUNS_KEPT, History
from calling_service.runs.run import Run


@pytest.fixture
def history(tmp_path: Path) -> History:
    prepare(tmp_path)
    return History(tmp_path)


def run(run_id: str) -> Run:
    return Run(run_id, "cli", "0" * 32, datetime.now(UTC), state="completed")


def test_keeps_the_last_fifty_runs(history: History) -> None:
    for number in range(RUNS_KEPT + 5):
        history.save(run(str(number)))
    assert [each.id for each in history.recent()] == [
        str(number) for number in reversed(range(5, RUNS_KEPT + 5))
    ]
    assert history.find("4") is None


def test_keeps_the_first_and_the_last_exchanges_of_a_long_run(history: History) -> None:
    history.save(run("long"))
    for number in range(1, 2 * ENDS_KEPT + 8):
        history.add("long", {"number": number})
    stored = history.find("long")
    assert stored
    kept = [exchange["number"] for exchange in stored.exchanges]
    assert kept == [*range(1, ENDS_KEPT + 1), *range(ENDS_KEPT + 8, 2 * ENDS_KEPT + 8)]
    assert stored.exchanges_omitted == 7


def test_reads_a_run_that_an_earlier_version_has_written() -> None:
    document = Run.new("cli").as_json()
    del document["known_omitted"]
    assert Run.from_json(document).report.known_omitted == 0
