import threading
from pathlib import Path

from calling_service.database import connection, prepare


def test_several_threads_can_create_the_database_at_once(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def opened() -> None:
        barrier.wait(10)
        try:
            prepare(tmp_path)
            with connection(tmp_path) as database:
                database.execute("SELECT count(*) FROM runs")
        except Exception as error:  # noqa: BLE001  # collected for the assertion
            errors.append(error)

    threads = [threading.Thread(target=opened) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
