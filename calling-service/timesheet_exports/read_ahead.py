"""Read the next part of a file in a thread, while its reader works with the part before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def read_ahead(rows: Iterator[T], size: int) -> Iterator[Iterator[list[T]]]:
    """Return a context with the rows in lists of `size`; at its end, no thread reads any more."""
    with ThreadPoolExecutor(1, "read-ahead") as thread:

        def chunks() -> Iterator[list[T]]:
            pending = thread.submit(_take, rows, size)
            while chunk := pending.result():
                pending = thread.submit(_take, rows, size)
                yield chunk

        yield chunks()


def _take(rows: Iterator[T], size: int) -> list[T]:
    return list(islice(rows, size))
