"""The next part of a file is read while the one before is worked on, in order, and not after the end."""

import threading
from collections.abc import Iterator

import pytest
from timesheet_exports.read_ahead import read_ahead


def test_yields_everything_in_order() -> None:
    with read_ahead(iter(range(10)), 4) as chunks:
        assert list(chunks) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_reads_the_next_chunk_while_the_caller_works_with_one() -> None:
    has_read_on = threading.Event()

    def rows() -> Iterator[int]:
        yield 1
        has_read_on.set()
        yield 2

    with read_ahead(rows(), 1) as chunks:
        assert next(chunks) == [1]
        assert has_read_on.wait(10)
        assert list(chunks) == [[2]]


def test_raises_what_reading_raises_after_the_chunks_before() -> None:
    def rows() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    with read_ahead(rows(), 1) as chunks:
        assert next(chunks) == [1]
        with pytest.raises(ValueError, match="broken"):
            next(chunks)


def test_reads_no_more_once_the_caller_has_left() -> None:
    read = []

    def rows() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    with read_ahead(rows(), 1) as chunks:
        next(chunks)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]
    assert len(read) <= 2
